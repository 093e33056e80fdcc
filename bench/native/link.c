/*
 * A long line between this network namespace and a new one, in which it runs a command: a device `bench0` in each, and between them per direction a queue
 * of one bandwidth-delay product, a rate, a delay and random loss. For kernels without netem. The line is gone when the command ends.
 *
 *   link <megabits per second> <milliseconds one way> <loss, percent> <address here> <address there> <command …>
 *
 * Descriptor 3 gets a line for every 100 ms in which bytes came out at this end: their number, IP headers included.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { largest = 66 * 1024, burst = 64 };
static const uint64_t second = 1000000000, window = 100000000;

struct packet {
  struct packet *next;
  uint64_t due;
  uint32_t length;
  uint8_t bytes[];
};

/* What travels one way. */
struct direction {
  int from, to;
  struct packet *first, **last;
  uint64_t free; /* when the wire has sent all that is queued */
};

static uint64_t bytesPerSecond, delay, lossThreshold;

static void fail(const char *what) {
  fprintf(stderr, "link: %s: %s\n", what, strerror(errno));
  exit(1);
}

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * second + time.tv_nsec;
}

static uint64_t chance(void) {
  static uint64_t state = 0x9e3779b97f4a7c15;
  state ^= state << 13;
  state ^= state >> 7;
  return state ^= state << 17;
}

static void set(const char *path, const char *value) {
  int fd = open(path, O_WRONLY);
  if (fd < 0 || write(fd, value, strlen(value)) < 0) fail(path);
  close(fd);
}

/* Both ends can have a whole bandwidth-delay product in flight, and forget what earlier connections learnt about the line. */
static void prepare_tcp(void) {
  set("/proc/sys/net/ipv4/tcp_rmem", "4096 131072 33554432");
  set("/proc/sys/net/ipv4/tcp_wmem", "4096 16384 16777216");
  set("/proc/sys/net/ipv4/tcp_no_metrics_save", "1");
}

static void configure(struct ifreq *request, const char *address) {
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  struct sockaddr_in *where = (struct sockaddr_in *)&request->ifr_addr;
  memset(where, 0, sizeof *where);
  where->sin_family = AF_INET;
  inet_pton(AF_INET, address, &where->sin_addr);
  if (ioctl(fd, SIOCSIFADDR, request) != 0) fail("address");
  inet_pton(AF_INET, "255.255.255.0", &where->sin_addr);
  if (ioctl(fd, SIOCSIFNETMASK, request) != 0) fail("netmask");
  request->ifr_flags = IFF_UP | IFF_RUNNING;
  if (ioctl(fd, SIOCSIFFLAGS, request) != 0) fail("link up");
  close(fd);
}

/* Without loss the kernel may hand over segments that are not cut yet: much cheaper, and a loss would take too much at once. */
static int device(const char *address) {
  struct ifreq request = {.ifr_name = "bench0", .ifr_flags = IFF_TUN | IFF_NO_PI | (lossThreshold == 0 ? IFF_VNET_HDR : 0)};
  int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) fail("/dev/net/tun");
  if (ioctl(fd, TUNSETIFF, &request) != 0) fail("device");
  if (lossThreshold == 0 && ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4) != 0) fail("offload");
  configure(&request, address);
  prepare_tcp();
  return fd;
}

/* Takes in what was sent; whether there was anything. */
static int take(struct direction *way) {
  static uint8_t bytes[largest];
  int any = 0;
  for (int nth = 0; nth < burst; nth++) {
    ssize_t length = read(way->from, bytes, sizeof bytes);
    if (length <= 0) break;
    any = 1;
    uint64_t time = now();
    if (way->free < time) way->free = time;
    /* The queue holds what the line carries in a round trip. */
    if (chance() < lossThreshold || way->free - time > 2 * delay) continue;
    way->free += length * second / bytesPerSecond;
    struct packet *packet = malloc(sizeof *packet + length);
    if (packet == NULL) fail("memory");
    *packet = (struct packet){.due = way->free + delay, .length = length};
    memcpy(packet->bytes, bytes, length);
    *way->last = packet;
    way->last = &packet->next;
  }
  return any;
}

/* Hands over what has arrived; gives when the next is due, and adds what was handed over to `delivered`. */
static uint64_t deliver(struct direction *way, uint64_t *delivered) {
  while (way->first != NULL && way->first->due <= now()) {
    struct packet *packet = way->first;
    if (write(way->to, packet->bytes, packet->length) < 0 && errno == EAGAIN) return now() + 50000;
    *delivered += packet->length;
    way->first = packet->next;
    if (way->first == NULL) way->last = &way->first;
    free(packet);
  }
  return way->first == NULL ? UINT64_MAX : way->first->due;
}

static void relay(int here, int there, pid_t child) {
  struct direction in = {.from = there, .to = here, .last = &in.first}, out = {.from = here, .to = there, .last = &out.first};
  uint64_t arrived = 0, sent = 0, report = now() + window;
  for (;;) {
    uint64_t time = now();
    uint64_t next = deliver(&in, &arrived), other = deliver(&out, &sent);
    if (other < next) next = other;
    if (time >= report) {
      int status;
      if (waitpid(child, &status, WNOHANG) == child) exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
      if (arrived > 0) dprintf(3, "%llu\n", (unsigned long long)arrived);
      arrived = 0;
      report = time + window;
    }
    if (report < next) next = report;
    if (take(&in) | take(&out)) continue;
    time = now();
    if (next <= time) continue;
    struct pollfd ends[2] = {{.fd = here, .events = POLLIN}, {.fd = there, .events = POLLIN}};
    struct timespec wait = {.tv_sec = (next - time) / second, .tv_nsec = (next - time) % second};
    ppoll(ends, 2, &wait, NULL);
  }
}

int main(int count, char **given) {
  if (count < 7) fail("six arguments");
  bytesPerSecond = atof(given[1]) * 1e6 / 8;
  delay = atof(given[2]) * 1e6;
  lossThreshold = atof(given[3]) / 100 * (double)UINT64_MAX;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  prctl(PR_SET_TIMERSLACK, 1000);
  int here = device(given[4]);
  if (unshare(CLONE_NEWNET) != 0) fail("network namespace");
  int there = device(given[5]);
  pid_t child = fork();
  if (child < 0) fail("fork");
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    execvp(given[6], given + 6);
    fail(given[6]);
  }
  close(0);
  close(1);
  relay(here, there, child);
}
