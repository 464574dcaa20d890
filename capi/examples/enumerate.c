/*
 * Enumerates the multicast groups of the Multicast Group Manager in the five steps of its documentation:
 * register, start, get the first groups, get the next until none remain, end.
 */
#define _POSIX_C_SOURCE 200809L

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "mgm.h"

/* A client with 10 in the low 16 bits is IGMP; the high bits name the vendor. */
#define PROTOCOL_IGMP 0x0000000a
#define PROTOCOL_PIM 0x01370020

#define LAN 2
#define WAN 7
#define NO_NEXT_HOP 0
#define HOST_MASK 0xffffffff

/* Records that a call may return: few, so that the loop runs more than once. */
#define RECORDS_A_CALL 2

static int failed(const char *call, DWORD code)
{
    const char *why;

    switch (code) {
    case ERROR_NOT_ENOUGH_MEMORY: why = "out of memory, or a limit is reached"; break;
    case ERROR_INVALID_PARAMETER: why = "invalid handle or argument"; break;
    case ERROR_INSUFFICIENT_BUFFER: why = "the buffer is too small for one record"; break;
    case ERROR_ALREADY_EXISTS: why = "it already exists or is owned"; break;
    case ERROR_CAN_NOT_COMPLETE: why = "it cannot be completed now"; break;
    case ERROR_NOT_FOUND: why = "interface not found"; break;
    default: why = "unexpected code"; break;
    }
    fprintf(stderr, "%s: %s (%u)\n", call, why, (unsigned)code);
    return -1;
}

/* Adds a join; a null source means any. */
static int add(HANDLE protocol, const char *source, const char *group, DWORD interface)
{
    DWORD source_addr = source ? inet_addr(source) : htonl(INADDR_ANY);
    DWORD source_mask = source ? HOST_MASK : 0;
    DWORD code = MgmAddGroupMembershipEntry(protocol, source_addr, source_mask, inet_addr(group),
                                            HOST_MASK, interface, NO_NEXT_HOP,
                                            MGM_JOIN_STATE_FLAG);

    return code == NO_ERROR ? 0 : failed("MgmAddGroupMembershipEntry", code);
}

/* The joins of hosts on the LAN, and of PIM neighbours on the WAN. */
static int add_memberships(HANDLE igmp, HANDLE pim)
{
    DWORD code = MgmTakeInterfaceOwnership(pim, WAN, NO_NEXT_HOP);

    if (code != NO_ERROR)
        return failed("MgmTakeInterfaceOwnership", code);
    if (add(igmp, NULL, "239.1.1.1", LAN) || add(igmp, NULL, "239.1.1.2", LAN) ||
        add(igmp, "10.0.0.2", "232.1.1.1", LAN) || add(igmp, "10.0.0.1", "232.1.1.1", LAN))
        return -1;
    return add(pim, "192.0.2.1", "239.1.1.1", WAN);
}

static const char *text(DWORD address, char *buffer, socklen_t size)
{
    if (address == htonl(INADDR_ANY))
        return "*";
    return inet_ntop(AF_INET, &address, buffer, size);
}

static int print(const SOURCE_GROUP_ENTRY *entry)
{
    char source[INET_ADDRSTRLEN], group[INET_ADDRSTRLEN];
    const char *source_text = text(entry->dwSourceAddr, source, sizeof source);
    const char *group_text = text(entry->dwGroupAddr, group, sizeof group);

    if (!source_text || !group_text) {
        perror("inet_ntop");
        return -1;
    }
    printf("(%s, %s)\n", source_text, group_text);
    return 0;
}

/* Gets all groups, in as many calls as necessary. */
static int print_groups(HANDLE enumeration)
{
    DWORD size = 0, count = 0, code, i;
    PSOURCE_GROUP_ENTRY entries;
    int result = 0;

    /* A call without a buffer returns the minimum size, and consumes no group. */
    code = MgmGroupEnumerationGetNext(enumeration, &size, NULL, &count);
    if (code == ERROR_NO_MORE_ITEMS)
        return 0;
    if (code != ERROR_INSUFFICIENT_BUFFER)
        return failed("MgmGroupEnumerationGetNext", code);
    printf("a record has %u bytes\n", (unsigned)size);
    size *= RECORDS_A_CALL;
    entries = malloc(size);
    if (!entries) {
        perror("malloc");
        return -1;
    }
    do {
        code = MgmGroupEnumerationGetNext(enumeration, &size, (PBYTE)entries, &count);
        if (code != ERROR_MORE_DATA && code != ERROR_NO_MORE_ITEMS)
            result = failed("MgmGroupEnumerationGetNext", code);
        /* The call that reports the end may also return the last groups. */
        for (i = 0; i < count && result == 0; i++)
            result = print(&entries[i]);
    } while (code == ERROR_MORE_DATA && result == 0);
    free(entries);
    return result;
}

static int enumerate(HANDLE protocol)
{
    HANDLE enumeration;
    DWORD code = MgmGroupEnumerationStart(protocol, ALL_SOURCES, &enumeration);
    int result;

    if (code != NO_ERROR)
        return failed("MgmGroupEnumerationStart", code);
    result = print_groups(enumeration);
    /* Also after an error: an enumeration retains memory until it is ended. */
    code = MgmGroupEnumerationEnd(enumeration);
    return code == NO_ERROR ? result : failed("MgmGroupEnumerationEnd", code);
}

int main(void)
{
    HANDLE igmp, pim;
    DWORD code = MgmRegisterMProtocol(NULL, PROTOCOL_IGMP, 0, &igmp);

    if (code != NO_ERROR)
        return failed("MgmRegisterMProtocol of IGMP", code), EXIT_FAILURE;
    code = MgmRegisterMProtocol(NULL, PROTOCOL_PIM, 0, &pim);
    if (code != NO_ERROR)
        return failed("MgmRegisterMProtocol of PIM", code), EXIT_FAILURE;
    /* The manager and all registrations end with the process. */
    return add_memberships(igmp, pim) || enumerate(pim) ? EXIT_FAILURE : EXIT_SUCCESS;
}
