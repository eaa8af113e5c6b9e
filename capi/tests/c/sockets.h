// TCP from the other side: plain sockets at 127.0.0.1, which listen, connect and talk to the
// library, and receive no longer than is enough.

#ifndef SOCKETS_H
#define SOCKETS_H

#include "aios.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

static inline struct sockaddr_in loopback(uint16_t port)
{
    struct sockaddr_in address;

    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    return address;
}

static inline void limit_receives(int fd)
{
    struct timeval limit = { ENOUGH / 1000, 0 };

    CHECK_EQ(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
}

// A socket that listens at a port of the system's choice.
static inline int listening(int backlog, uint16_t *port)
{
    struct sockaddr_in address = loopback(0);
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    CHECK(fd >= 0);
    CHECK_EQ(bind(fd, (struct sockaddr *) &address, sizeof address), 0);
    CHECK_EQ(listen(fd, backlog), 0);
    limit_receives(fd);
    CHECK_EQ(getsockname(fd, (struct sockaddr *) &address, &length), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

static inline int accepted(int listener)
{
    int fd = accept(listener, NULL, NULL);

    CHECK(fd >= 0);
    limit_receives(fd);
    return fd;
}

// Returns -1 if nobody is there.
static inline int try_connect(uint16_t port)
{
    struct sockaddr_in address = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    CHECK(fd >= 0);
    limit_receives(fd);
    if (connect(fd, (struct sockaddr *) &address, sizeof address) != 0) {
        CHECK_EQ(errno, ECONNREFUSED);
        close(fd);
        return -1;
    }
    return fd;
}

static inline uint16_t unused_port(void)
{
    uint16_t port;

    close(listening(1, &port));
    return port;
}

static inline void say(int fd, const char *text)
{
    size_t length = strlen(text);

    CHECK_EQ(send(fd, text, length, MSG_NOSIGNAL), length);
}

static inline void check_hears(int fd, const char *text)
{
    char data[10000];
    size_t length = strlen(text);

    CHECK(length < sizeof data);
    CHECK_EQ(recv(fd, data, length, MSG_WAITALL), length);
    data[length] = '\0';
    CHECK_STR(data, text);
}

static inline void check_ended(int fd)
{
    char byte;

    CHECK_EQ(recv(fd, &byte, 1, 0), 0);
}

// Ends a connection so that the other side is told of a reset.
static inline void reset(int fd)
{
    struct linger linger = { 1, 0 };

    CHECK_EQ(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger), 0);
    close(fd);
}

#endif // SOCKETS_H
