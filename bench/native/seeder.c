/*
 * A CPU-cheap seeder for measuring leechers: the payload is mapped, a batch of answers is one writev. One listener on all addresses, so that every
 * local address is a peer of its own. It unchokes whoever is interested and knows plaintext only; metadata by BEP 9 and 10. Ends when it is killed.
 *
 *   seeder <blob> <total> <piece length> <info hash> <file of the info dictionary> <congestion control or ->      prints its port when it listens
 */
#define _GNU_SOURCE
#include "peer.h"
#include <sys/epoll.h>
#include <sys/uio.h>

enum { maxBlock = 128 * 1024, inputSize = 64 * 1024, queueSize = 4096, batch = 64, metadataBlock = 16 * 1024 };

/* One message to be sent: a head of our own, then bytes that lie elsewhere. */
struct answer {
  uint8_t head[13];
  uint8_t headLength;
  uint32_t bodyLength;
  const uint8_t *body;
  void *owned; /* freed when it is sent */
};

struct peer {
  int fd;
  int greeted;
  int blocked; /* the socket takes no more for now */
  int metadataId;
  uint32_t have; /* bytes of `input` */
  uint8_t input[inputSize];
  uint32_t first, last; /* positions in the ring, counted without end */
  uint32_t sent;        /* bytes of the first answer that are sent already */
  struct answer ring[queueSize];
};

static struct torrent torrent;
static struct mapped blob, info;
static int poller;

static void drop(struct peer *peer) {
  close(peer->fd);
  for (; peer->first != peer->last; peer->first++) free(peer->ring[peer->first % queueSize].owned);
  peer->fd = -1;
}

static struct answer *slot(struct peer *peer) {
  if (peer->last - peer->first == queueSize) return NULL;
  struct answer *answer = &peer->ring[peer->last++ % queueSize];
  memset(answer, 0, sizeof *answer);
  return answer;
}

static void say(struct peer *peer, const void *bytes, uint32_t length) {
  struct answer *answer = slot(peer);
  if (answer == NULL) return;
  answer->body = answer->owned = memcpy(allocate(length), bytes, length);
  answer->bodyLength = length;
}

static void wait_for(struct peer *peer, int blocked) {
  if (peer->blocked == blocked) return;
  peer->blocked = blocked;
  struct epoll_event event = {.events = EPOLLIN | (blocked ? EPOLLOUT : 0), .data.ptr = peer};
  epoll_ctl(poller, EPOLL_CTL_MOD, peer->fd, &event);
}

/* Takes `count` bytes that were sent off the queue. */
static void forget(struct peer *peer, size_t count) {
  while (count > 0) {
    struct answer *answer = &peer->ring[peer->first % queueSize];
    size_t left = answer->headLength + answer->bodyLength - peer->sent;
    if (count < left) {
      peer->sent += count;
      return;
    }
    count -= left;
    peer->sent = 0;
    free(answer->owned);
    peer->first++;
  }
}

static void pump(struct peer *peer) {
  while (peer->first != peer->last) {
    struct iovec parts[2 * batch];
    int count = 0;
    size_t want = 0;
    uint32_t skip = peer->sent;
    for (uint32_t at = peer->first; at != peer->last && count < 2 * batch - 1; at++) {
      struct answer *answer = &peer->ring[at % queueSize];
      uint32_t inHead = skip < answer->headLength ? skip : answer->headLength;
      uint32_t inBody = skip - inHead;
      skip = 0;
      if (inHead < answer->headLength)
        parts[count++] = (struct iovec){answer->head + inHead, answer->headLength - inHead};
      if (inBody < answer->bodyLength)
        parts[count++] = (struct iovec){(void *)(answer->body + inBody), answer->bodyLength - inBody};
      want += answer->headLength - inHead + answer->bodyLength - inBody;
    }
    ssize_t wrote = writev(peer->fd, parts, count);
    if (wrote < 0 && errno != EAGAIN) return drop(peer);
    if (wrote > 0) forget(peer, wrote);
    if (wrote < (ssize_t)want) return wait_for(peer, 1);
  }
  wait_for(peer, 0);
}

static void greet(struct peer *peer) {
  uint8_t hello[handshakeLength];
  struct sockaddr_in self;
  socklen_t length = sizeof self;
  getsockname(peer->fd, (struct sockaddr *)&self, &length);
  char id[21];
  snprintf(id, sizeof id, "-BS0002-%08x%04x", ntohl(self.sin_addr.s_addr), ntohs(self.sin_port));
  handshake(hello, &torrent, id, 1);
  say(peer, hello, sizeof hello);
  char text[160];
  int size = snprintf(text, sizeof text, "----%c%cd1:md11:ut_metadatai3ee13:metadata_sizei%zue4:reqqi2000e1:v12:bench seedere", 20, 0, info.length);
  put32((uint8_t *)text, size - 4);
  say(peer, text, size);
  uint32_t bytes = (torrent.pieces + 7) / 8;
  uint8_t *field = allocate(5 + bytes);
  put32(field, 1 + bytes);
  field[4] = 5;
  memset(field + 5, 0xff, bytes);
  if (torrent.pieces % 8 != 0) field[4 + bytes] = 0xff << (8 - torrent.pieces % 8);
  say(peer, field, 5 + bytes);
  free(field);
}

static int number_after(const uint8_t *text, uint32_t length, const char *key) {
  const uint8_t *found = memmem(text, length, key, strlen(key));
  int value = -1;
  for (found = found ? found + strlen(key) : NULL; found && found < text + length && *found >= '0' && *found <= '9'; found++)
    value = (value < 0 ? 0 : value * 10) + *found - '0';
  return value;
}

static void answer_metadata(struct peer *peer, const uint8_t *text, uint32_t length) {
  int piece = number_after(text, length, "5:piecei");
  if (number_after(text, length, "8:msg_typei") != 0 || piece < 0 || peer->metadataId <= 0) return;
  size_t at = (size_t)piece * metadataBlock;
  if (at >= info.length) return;
  size_t size = info.length - at < metadataBlock ? info.length - at : metadataBlock;
  uint8_t *bytes = allocate(96 + size);
  int head = sprintf((char *)bytes, "----%c%cd8:msg_typei1e5:piecei%de10:total_sizei%zuee", 20, peer->metadataId, piece, info.length);
  put32(bytes, head - 4 + size);
  memcpy(bytes + head, info.bytes + at, size);
  say(peer, bytes, head + size);
  free(bytes);
}

/* Takes a block off the queue whose sending has not begun. */
static void cancel(struct peer *peer, const uint8_t *where) {
  uint32_t at = peer->first + (peer->sent > 0);
  while (at != peer->last && (peer->ring[at % queueSize].headLength == 0 || memcmp(peer->ring[at % queueSize].head + 5, where, 8) != 0)) at++;
  if (at == peer->last) return;
  for (; at + 1 != peer->last; at++) peer->ring[at % queueSize] = peer->ring[(at + 1) % queueSize];
  peer->last--;
}

/* 0 when the message is one that nobody sends. */
static int receive(struct peer *peer, const uint8_t *message, uint32_t length) {
  if (length == 0) return 1;
  if (message[0] == 2) {
    say(peer, "\0\0\0\1\1", 5);
  } else if (message[0] == 6) {
    if (length != 13) return 0;
    uint64_t offset = (uint64_t)get32(message + 1) * torrent.pieceLength + get32(message + 5);
    uint32_t size = get32(message + 9);
    if (size > maxBlock || offset + size > torrent.total) return 0;
    struct answer *answer = slot(peer);
    if (answer == NULL) return 0;
    put32(answer->head, 9 + size);
    answer->head[4] = 7;
    memcpy(answer->head + 5, message + 1, 8);
    answer->headLength = 13;
    /* The payload is the blob over and over, a whole number of pieces each time. */
    answer->body = blob.bytes + offset % blob.length;
    answer->bodyLength = size;
  } else if (message[0] == 8 && length == 13) {
    cancel(peer, message + 1);
  } else if (message[0] == 20 && length > 2) {
    if (message[1] == 0) peer->metadataId = number_after(message + 2, length - 2, "11:ut_metadatai");
    if (message[1] == 3) answer_metadata(peer, message + 2, length - 2);
  }
  return 1;
}

static void readable(struct peer *peer) {
  ssize_t got = recv(peer->fd, peer->input + peer->have, inputSize - peer->have, 0);
  if (got < 0 && errno == EAGAIN) return;
  if (got <= 0) return drop(peer);
  peer->have += got;
  uint32_t at = 0;
  if (!peer->greeted) {
    if (peer->input[0] != 19) return drop(peer);
    if (peer->have < handshakeLength) return;
    if (memcmp(peer->input + 28, torrent.infoHash, 20) != 0) return drop(peer);
    peer->greeted = 1;
    at = handshakeLength;
    greet(peer);
  }
  while (peer->have - at >= 4) {
    uint32_t length = get32(peer->input + at);
    if (length > inputSize - 4) return drop(peer);
    if (peer->have - at - 4 < length) break;
    if (!receive(peer, peer->input + at + 4, length)) return drop(peer);
    at += 4 + length;
  }
  memmove(peer->input, peer->input + at, peer->have - at);
  peer->have -= at;
  pump(peer);
}

int main(int count, char **given) {
  if (count != 7) fail("six arguments");
  signal(SIGPIPE, SIG_IGN);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  blob = map_file(given[1]);
  torrent = describe(given[2], given[3], given[4]);
  info = map_file(given[5]);
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in address = {.sin_family = AF_INET};
  socklen_t length = sizeof address;
  if (bind(listener, (struct sockaddr *)&address, length) != 0 || listen(listener, 512) != 0) fail("listen");
  getsockname(listener, (struct sockaddr *)&address, &length);
  poller = epoll_create1(0);
  struct epoll_event event = {.events = EPOLLIN};
  epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event);
  printf("%d\n", ntohs(address.sin_port));
  fflush(stdout);
  for (;;) {
    struct epoll_event events[64];
    int ready = epoll_wait(poller, events, 64, -1);
    for (int nth = 0; nth < ready; nth++) {
      struct peer *peer = events[nth].data.ptr;
      if (peer != NULL) {
        if (peer->blocked && (events[nth].events & EPOLLOUT)) pump(peer);
        if (peer->fd >= 0 && (events[nth].events & ~EPOLLOUT)) readable(peer);
        if (peer->fd < 0) free(peer);
        continue;
      }
      int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
      if (fd < 0) continue;
      no_delay(fd);
      /* Where the machine has no such algorithm it keeps its own. */
      if (strcmp(given[6], "-") != 0) setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, given[6], strlen(given[6]));
      struct peer *fresh = allocate(sizeof *fresh);
      fresh->fd = fd;
      struct epoll_event wanted = {.events = EPOLLIN, .data.ptr = fresh};
      epoll_ctl(poller, EPOLL_CTL_ADD, fd, &wanted);
    }
  }
}
