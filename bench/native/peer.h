/* What the seeder and the leecher in C share: the shape of a torrent, the handshake, numbers on the wire. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { handshakeLength = 68, blockLength = 16 * 1024 };

struct torrent {
  uint64_t total;
  uint32_t pieceLength;
  uint32_t pieces;
  uint8_t infoHash[20];
};

struct mapped {
  const uint8_t *bytes;
  size_t length;
};

static inline uint32_t get32(const uint8_t *at) { return (uint32_t)at[0] << 24 | at[1] << 16 | at[2] << 8 | at[3]; }

static inline void put32(uint8_t *at, uint32_t value) {
  value = htonl(value);
  memcpy(at, &value, 4);
}

static inline void fail(const char *what) {
  fprintf(stderr, "%s: %s\n", what, strerror(errno));
  exit(1);
}

static inline void *allocate(size_t length) {
  void *bytes = calloc(1, length);
  if (bytes == NULL) fail("memory");
  return bytes;
}

static inline struct mapped map_file(const char *path) {
  int fd = open(path, O_RDONLY);
  struct stat found;
  if (fd < 0 || fstat(fd, &found) != 0) fail(path);
  void *bytes = mmap(NULL, found.st_size, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0);
  if (bytes == MAP_FAILED) fail(path);
  close(fd);
  return (struct mapped){bytes, found.st_size};
}

static inline struct torrent describe(const char *total, const char *pieceLength, const char *infoHash) {
  struct torrent torrent = {.total = strtoull(total, NULL, 10), .pieceLength = strtoul(pieceLength, NULL, 10)};
  torrent.pieces = (torrent.total + torrent.pieceLength - 1) / torrent.pieceLength;
  for (int nth = 0; nth < 20; nth++)
    if (sscanf(infoHash + 2 * nth, "%2hhx", &torrent.infoHash[nth]) != 1) fail("info hash");
  return torrent;
}

/* `id` has 20 characters; `extensions` says that BEP 10 is understood. */
static inline void handshake(uint8_t *at, const struct torrent *torrent, const char *id, int extensions) {
  memset(at, 0, handshakeLength);
  memcpy(at, "\x13" "BitTorrent protocol", 20);
  at[25] = extensions ? 0x10 : 0;
  memcpy(at + 28, torrent->infoHash, 20);
  memcpy(at + 48, id, 20);
}

static inline void no_delay(int fd) {
  int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}
