/*
 * A CPU-cheap leecher for measuring seeders: it keeps requests waiting, compares what comes with the payload and throws it away. Prints `ready` when it
 * is unchoked, waits for a line, fetches everything, prints the seconds it took. What a choke left unanswered is asked for again.
 *
 *   leecher <host> <port> <blob> <piece length> <info hash> <depth>
 */
#define _GNU_SOURCE
#include "peer.h"
#include <time.h>

enum { inputSize = 1024 * 1024 };

static struct torrent torrent;
static struct mapped blob;
static int fd;
static uint32_t blocks, depth, next, waiting, got;
static uint8_t *received;

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec / 1e9;
}

static void send_all(const void *bytes, size_t length) {
  for (const char *at = bytes; length > 0;) {
    ssize_t wrote = send(fd, at, length, MSG_NOSIGNAL);
    if (wrote <= 0) fail("send");
    at += wrote;
    length -= wrote;
  }
}

/* One write for as many requests as there is room for. */
static void ask(void) {
  static uint8_t bytes[17 * 4096];
  uint32_t size = 0;
  for (; waiting < depth && next < blocks && size < sizeof bytes; next++) {
    if (received[next]) continue;
    uint64_t offset = (uint64_t)next * blockLength;
    put32(bytes + size, 13);
    bytes[size + 4] = 6;
    put32(bytes + size + 5, offset / torrent.pieceLength);
    put32(bytes + size + 9, offset % torrent.pieceLength);
    put32(bytes + size + 13, torrent.total - offset < blockLength ? torrent.total - offset : blockLength);
    size += 17;
    waiting++;
  }
  if (size > 0) send_all(bytes, size);
}

static void take_block(const uint8_t *message, uint32_t length) {
  uint64_t offset = (uint64_t)get32(message + 1) * torrent.pieceLength + get32(message + 5);
  uint32_t size = length - 9;
  if (offset % blockLength != 0 || offset + size > torrent.total || memcmp(blob.bytes + offset, message + 9, size) != 0) {
    fprintf(stderr, "wrong bytes at %llu\n", (unsigned long long)offset);
    exit(1);
  }
  if (received[offset / blockLength]) return;
  received[offset / blockLength] = 1;
  got++;
  if (waiting > 0) waiting--;
}

int main(int count, char **given) {
  if (count != 7) fail("six arguments");
  blob = map_file(given[3]);
  char total[24];
  snprintf(total, sizeof total, "%zu", blob.length);
  torrent = describe(total, given[4], given[5]);
  depth = strtoul(given[6], NULL, 10);
  blocks = (torrent.total + blockLength - 1) / blockLength;
  received = allocate(blocks);
  fd = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(given[2]))};
  inet_pton(AF_INET, given[1], &address.sin_addr);
  if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) fail("connect");
  no_delay(fd);
  uint8_t hello[handshakeLength];
  handshake(hello, &torrent, "-XX0000-leecher00000", 0);
  send_all(hello, sizeof hello);

  static uint8_t input[inputSize];
  uint32_t have = 0;
  int greeted = 0, unchoked = 0;
  double began = 0;
  while (got < blocks) {
    ssize_t read = recv(fd, input + have, inputSize - have, 0);
    if (read <= 0) fail("the seeder hung up");
    have += read;
    uint32_t at = 0;
    if (!greeted) {
      if (have < handshakeLength) continue;
      greeted = 1;
      at = handshakeLength;
      send_all("\0\0\0\1\2", 5);
    }
    while (have - at >= 4 && have - at - 4 >= get32(input + at)) {
      uint32_t length = get32(input + at);
      const uint8_t *message = input + at + 4;
      at += 4 + length;
      if (length == 0) continue;
      if (message[0] == 0) unchoked = waiting = next = 0;
      if (message[0] == 7) take_block(message, length);
      if (message[0] != 1) continue;
      unchoked = 1;
      if (began != 0) continue;
      puts("ready");
      fflush(stdout);
      if (getchar() == EOF) return 1;
      began = now();
    }
    memmove(input, input + at, have - at);
    have -= at;
    if (unchoked && waiting <= depth / 2) ask();
  }
  printf("%.6f\n", now() - began);
}
