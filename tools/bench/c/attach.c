/*
 * attach HOST-NAMESPACE: gives pods their links by the netlink messages that the driver sends for it, and says how long that took. It is what
 * the driver's hook is measured against: a process that stays, and that knows beforehand what it is to do. For several links it is quicker
 * in one respect: it sends for all of them at once.
 *
 * Commands on standard input, one a line; addresses and destinations as ADDRESS/BITS, IPv4:
 *   veth HOST-NAME HOST-MAC BRIDGE POD-NAME POD-MAC MTU ADDRESS DESTINATION GATEWAY
 *   macvlan PARENT POD-NAME POD-MAC MTU ADDRESS DESTINATION GATEWAY
 *   move NAME POD-NAME ADDRESS DESTINATION GATEWAY
 *   attach NAMESPACE      does all of the above since the last time, in that namespace
 * Answers, one for each attach, in nanoseconds by CLOCK_MONOTONIC, and by CLOCK_PROCESS_CPUTIME_ID for CPU:
 *   ok TOTAL OPEN LINKS CONFIGURATION CPU
 *   error WHAT ERRNO
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MOST_LINKS = 64, BUFFER = 1 << 16, RECEIVE_BUFFER = 4 << 20 };

enum kind { VETH, MACVLAN, MOVE };

struct prefix {
  struct in_addr address;
  unsigned char bits;
};

struct wanted {
  enum kind kind;
  char host_name[IFNAMSIZ];
  unsigned char host_mac[6];
  /* The bridge of a veth, the parent of a macvlan, or the link that moves. */
  int index;
  char pod_name[IFNAMSIZ];
  unsigned char pod_mac[6];
  unsigned int mtu;
  struct prefix address, destination;
  struct in_addr gateway;
  /* In the pod, once it is known. */
  int pod_index;
};

static struct wanted links[MOST_LINKS];
static int count;
static int home;
static int host_socket;

static _Alignas(NLMSG_ALIGNTO) char out[BUFFER];
static size_t used;
static struct nlmsghdr *message;
static uint32_t sequence;

static const char *failed_at;
static int failed_with;

static int fail(const char *what, int error) {
  failed_at = what;
  failed_with = error;
  return -1;
}

static long long nanoseconds(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static long long now(void) { return nanoseconds(CLOCK_MONOTONIC); }
static long long worked(void) { return nanoseconds(CLOCK_PROCESS_CPUTIME_ID); }

/* Messages are written one behind the other into one buffer, which is sent at once. */

static void *extend(size_t size) {
  void *place = out + used;
  memset(place, 0, NLMSG_ALIGN(size));
  used += NLMSG_ALIGN(size);
  message->nlmsg_len = (uint32_t)(out + used - (char *)message);
  return place;
}

static void *begin(int type, int flags, size_t header) {
  message = (struct nlmsghdr *)(out + used);
  extend(NLMSG_HDRLEN);
  message->nlmsg_type = (uint16_t)type;
  message->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
  message->nlmsg_seq = ++sequence;
  return extend(header);
}

static struct rtattr *attribute(int type, const void *data, size_t size) {
  struct rtattr *place = extend(RTA_LENGTH(size));
  place->rta_type = (uint16_t)type;
  place->rta_len = (uint16_t)RTA_LENGTH(size);
  if (size > 0) memcpy(RTA_DATA(place), data, size);
  return place;
}

static void text(int type, const char *value) { attribute(type, value, strlen(value) + 1); }
static void number(int type, unsigned int value) { attribute(type, &value, sizeof value); }
static struct rtattr *nest(int type) { return attribute(type, NULL, 0); }
static int is_dump(const struct nlmsghdr *request) {
  return (request->nlmsg_type == RTM_GETADDR || request->nlmsg_type == RTM_GETROUTE) &&
         (request->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
}
static void end(struct rtattr *start) { start->rta_len = (uint16_t)(out + used - (char *)start); }

/*
 * Sends what was written and reads the answers. Only the last message asks for an acknowledgement: those before it are answered in order, and
 * the kernel reports errors unasked. A dump ends by itself. `seen` is called for each link that is told of.
 */
static int exchange(int socket, const char *what, void (*seen)(const struct nlmsghdr *)) {
  static _Alignas(NLMSG_ALIGNTO) char in[BUFFER];
  int error = 0;
  if (!is_dump(message)) message->nlmsg_flags |= NLM_F_ACK;
  const uint32_t last = message->nlmsg_seq;
  if (send(socket, out, used, 0) < 0) error = errno;
  used = 0;
  for (int done = error != 0; !done;) {
    const ssize_t received = recv(socket, in, sizeof in, 0);
    if (received < 0) return fail(what, errno);
    size_t left = (size_t)received;
    for (struct nlmsghdr *answer = (struct nlmsghdr *)in; NLMSG_OK(answer, left); answer = NLMSG_NEXT(answer, left)) {
      if (answer->nlmsg_type == NLMSG_ERROR) {
        const struct nlmsgerr *result = NLMSG_DATA(answer);
        if (result->error != 0 && error == 0) error = -result->error;
        if (answer->nlmsg_seq == last) done = 1;
      } else if (answer->nlmsg_type == NLMSG_DONE) {
        done = 1;
      } else if (answer->nlmsg_type == RTM_NEWLINK && seen != NULL) {
        seen(answer);
      }
    }
  }
  return error == 0 ? 0 : fail(what, error);
}

static int open_socket(void) {
  const int descriptor = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  const int on = 1;
  if (descriptor < 0) return fail("socket", errno);
  /* Errors repeat only the header of what they refuse. */
  setsockopt(descriptor, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
  return descriptor;
}

/* The far end's index comes in IFLA_LINK of the echo, which kernels send from 6.2 on. */
static void pair_created(const struct nlmsghdr *answer) {
  const struct ifinfomsg *header = NLMSG_DATA(answer);
  int size = (int)IFLA_PAYLOAD(answer), far = 0;
  const char *name = "";
  for (const struct rtattr *each = IFLA_RTA(header); RTA_OK(each, size); each = RTA_NEXT(each, size)) {
    if (each->rta_type == IFLA_LINK) memcpy(&far, RTA_DATA(each), sizeof far);
    if (each->rta_type == IFLA_IFNAME) name = RTA_DATA(each);
  }
  for (int index = 0; index < count; index++)
    if (strcmp(links[index].host_name, name) == 0) links[index].pod_index = far;
}

static void found_in_pod(const struct nlmsghdr *answer) {
  const struct ifinfomsg *header = NLMSG_DATA(answer);
  int size = (int)IFLA_PAYLOAD(answer);
  for (const struct rtattr *each = IFLA_RTA(header); RTA_OK(each, size); each = RTA_NEXT(each, size)) {
    if (each->rta_type != IFLA_IFNAME) continue;
    for (int index = 0; index < count; index++)
      if (strcmp(links[index].pod_name, RTA_DATA(each)) == 0) links[index].pod_index = header->ifi_index;
  }
}

static void write_up(struct ifinfomsg *header) {
  header->ifi_flags = IFF_UP;
  header->ifi_change = IFF_UP;
}

static void write_veth(const struct wanted *link, unsigned int namespace) {
  write_up(begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ECHO, sizeof(struct ifinfomsg)));
  text(IFLA_IFNAME, link->host_name);
  attribute(IFLA_ADDRESS, link->host_mac, sizeof link->host_mac);
  number(IFLA_MTU, link->mtu);
  number(IFLA_MASTER, (unsigned int)link->index);
  struct rtattr *information = nest(IFLA_LINKINFO);
  text(IFLA_INFO_KIND, "veth");
  struct rtattr *data = nest(IFLA_INFO_DATA);
  struct rtattr *peer = nest(VETH_INFO_PEER);
  extend(sizeof(struct ifinfomsg));
  text(IFLA_IFNAME, link->pod_name);
  attribute(IFLA_ADDRESS, link->pod_mac, sizeof link->pod_mac);
  number(IFLA_MTU, link->mtu);
  number(IFLA_NET_NS_FD, namespace);
  end(peer);
  end(data);
  end(information);
}

static void write_macvlan(const struct wanted *link, unsigned int namespace) {
  begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, sizeof(struct ifinfomsg));
  text(IFLA_IFNAME, link->pod_name);
  attribute(IFLA_ADDRESS, link->pod_mac, sizeof link->pod_mac);
  number(IFLA_MTU, link->mtu);
  number(IFLA_LINK, (unsigned int)link->index);
  number(IFLA_NET_NS_FD, namespace);
  struct rtattr *information = nest(IFLA_LINKINFO);
  text(IFLA_INFO_KIND, "macvlan");
  struct rtattr *data = nest(IFLA_INFO_DATA);
  number(IFLA_MACVLAN_MODE, MACVLAN_MODE_BRIDGE);
  end(data);
  end(information);
}

/* Before it leaves the host it is marked, as it could not be told from others when it comes back. */
static void write_move(const struct wanted *link, unsigned int namespace) {
  struct ifinfomsg *header = begin(RTM_NEWLINK, 0, sizeof(struct ifinfomsg));
  header->ifi_index = link->index;
  text(IFLA_IFALIAS, "patchbay:bench");
  header = begin(RTM_NEWLINK, 0, sizeof(struct ifinfomsg));
  header->ifi_index = link->index;
  text(IFLA_IFNAME, link->pod_name);
  number(IFLA_NET_NS_FD, namespace);
}

static void write_find(const struct wanted *link) {
  begin(RTM_GETLINK, 0, sizeof(struct ifinfomsg));
  text(IFLA_IFNAME, link->pod_name);
  number(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
}

/* What the pod has already, which must not be in the way of what is wanted. */
static int look_for_conflicts(int socket) {
  begin(RTM_GETADDR, NLM_F_DUMP, sizeof(struct ifaddrmsg));
  if (exchange(socket, "addresses", NULL) < 0) return -1;
  struct rtmsg *route = begin(RTM_GETROUTE, NLM_F_DUMP, sizeof(struct rtmsg));
  route->rtm_family = AF_INET;
  number(RTA_TABLE, RT_TABLE_MAIN);
  return exchange(socket, "routes", NULL);
}

/* The address is announced when the link comes up, so it must be there before. */
static void write_configuration(const struct wanted *link) {
  struct ifinfomsg *header = begin(RTM_NEWLINK, 0, sizeof(struct ifinfomsg));
  header->ifi_index = link->pod_index;
  struct rtattr *families = nest(IFLA_AF_SPEC);
  struct rtattr *family = nest(AF_INET);
  struct rtattr *settings = nest(IFLA_INET_CONF);
  number(IPV4_DEVCONF_ARP_NOTIFY, 1);
  end(settings);
  end(family);
  end(families);

  struct ifaddrmsg *address = begin(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, sizeof(struct ifaddrmsg));
  address->ifa_family = AF_INET;
  address->ifa_prefixlen = link->address.bits;
  address->ifa_index = (unsigned int)link->pod_index;
  attribute(IFA_LOCAL, &link->address.address, sizeof(struct in_addr));
  attribute(IFA_ADDRESS, &link->address.address, sizeof(struct in_addr));

  header = begin(RTM_NEWLINK, 0, sizeof(struct ifinfomsg));
  header->ifi_index = link->pod_index;
  write_up(header);

  struct rtmsg *route = begin(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, sizeof(struct rtmsg));
  route->rtm_family = AF_INET;
  route->rtm_dst_len = link->destination.bits;
  route->rtm_table = RT_TABLE_MAIN;
  route->rtm_protocol = RTPROT_STATIC;
  route->rtm_scope = RT_SCOPE_UNIVERSE;
  route->rtm_type = RTN_UNICAST;
  attribute(RTA_DST, &link->destination.address, sizeof(struct in_addr));
  attribute(RTA_GATEWAY, &link->gateway, sizeof(struct in_addr));
  number(RTA_OIF, (unsigned int)link->pod_index);
}

struct times {
  long long begun, opened, linked, done, cpu;
};

static int make_links(int namespace, int pod_socket) {
  int unknown = 0;
  for (int index = 0; index < count; index++) {
    links[index].pod_index = 0;
    switch (links[index].kind) {
      case VETH: write_veth(&links[index], (unsigned int)namespace); break;
      case MACVLAN: write_macvlan(&links[index], (unsigned int)namespace); break;
      case MOVE: write_move(&links[index], (unsigned int)namespace); break;
    }
  }
  if (exchange(host_socket, "links", pair_created) < 0) return -1;
  for (int index = 0; index < count; index++) {
    if (links[index].pod_index != 0) continue;
    write_find(&links[index]);
    unknown++;
  }
  return unknown == 0 ? 0 : exchange(pod_socket, "indexes", found_in_pod);
}

static int attach_in(int namespace, struct times *times) {
  if (setns(namespace, CLONE_NEWNET) < 0) return fail("setns", errno);
  const int pod_socket = open_socket();
  if (setns(home, CLONE_NEWNET) < 0) abort();
  if (pod_socket < 0) return -1;
  times->opened = now();
  int result = make_links(namespace, pod_socket);
  times->linked = now();
  if (result == 0) result = look_for_conflicts(pod_socket);
  if (result == 0) {
    for (int index = 0; index < count; index++) write_configuration(&links[index]);
    result = exchange(pod_socket, "configuration", NULL);
  }
  close(pod_socket);
  return result;
}

static int attach(const char *path, struct times *times) {
  const long long cpu = worked();
  times->begun = now();
  const int namespace = open(path, O_RDONLY | O_CLOEXEC);
  if (namespace < 0) return fail("open", errno);
  const int result = attach_in(namespace, times);
  close(namespace);
  times->done = now();
  times->cpu = worked() - cpu;
  return result;
}

/* Reading what is wanted: done before the time counts, as the driver does in prepare. */

static int read_prefix(const char *word, struct prefix *prefix) {
  char address[32];
  int bits;
  if (sscanf(word, "%31[0-9.]/%d", address, &bits) != 2) return 0;
  prefix->bits = (unsigned char)bits;
  return inet_pton(AF_INET, address, &prefix->address) == 1;
}

static int read_mac(const char *word, unsigned char *mac) {
  return sscanf(word, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", mac, mac + 1, mac + 2, mac + 3, mac + 4, mac + 5) == 6;
}

static int read_link(const char *line, struct wanted *link) {
  char word[8], host[16] = "", host_mac[24] = "", on[16] = "", pod[16], pod_mac[24] = "", address[32], to[32], via[32];
  memset(link, 0, sizeof *link);
  if (sscanf(line, "veth %15s %23s %15s %15s %23s %u %31s %31s %31s", host, host_mac, on, pod, pod_mac, &link->mtu,
             address, to, via) == 9) {
    link->kind = VETH;
  } else if (sscanf(line, "macvlan %15s %15s %23s %u %31s %31s %31s", on, pod, pod_mac, &link->mtu, address, to,
                    via) == 7) {
    link->kind = MACVLAN;
  } else if (sscanf(line, "%7s %15s %15s %31s %31s %31s", word, on, pod, address, to, via) == 6 &&
             strcmp(word, "move") == 0) {
    link->kind = MOVE;
  } else {
    return 0;
  }
  strcpy(link->host_name, host);
  strcpy(link->pod_name, pod);
  link->index = (int)if_nametoindex(on);
  return link->index != 0 && (link->kind != VETH || read_mac(host_mac, link->host_mac)) &&
         (link->kind == MOVE || read_mac(pod_mac, link->pod_mac)) && read_prefix(address, &link->address) &&
         read_prefix(to, &link->destination) && inet_pton(AF_INET, via, &link->gateway) == 1;
}

int main(int parameters, char **parameter) {
  char line[512], path[256];
  if (parameters != 2) {
    fprintf(stderr, "usage: attach HOST-NAMESPACE\n");
    return 2;
  }
  home = open(parameter[1], O_RDONLY | O_CLOEXEC);
  if (home < 0 || setns(home, CLONE_NEWNET) < 0) {
    perror(parameter[1]);
    return 1;
  }
  host_socket = open_socket();
  const int size = RECEIVE_BUFFER;
  if (host_socket < 0 || setsockopt(host_socket, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) < 0) {
    perror("netlink socket");
    return 1;
  }
  setvbuf(stdout, NULL, _IOLBF, 0);
  while (fgets(line, sizeof line, stdin) != NULL) {
    if (sscanf(line, "attach %255s", path) == 1) {
      struct times times = {0};
      if (attach(path, &times) == 0)
        printf("ok %lld %lld %lld %lld %lld\n", times.done - times.begun, times.opened - times.begun,
               times.linked - times.opened, times.done - times.linked, times.cpu);
      else
        printf("error %s %d\n", failed_at, failed_with);
      count = 0;
    } else if (count == MOST_LINKS || !read_link(line, &links[count++])) {
      fprintf(stderr, "attach: cannot read: %s", line);
      return 2;
    }
  }
  return 0;
}
