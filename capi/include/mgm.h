/*
 * mgm.h - group enumeration of the Multicast Group Manager, implemented by groupscan.
 *
 * The calls, types and numbers are those of the public documentation of the Windows Multicast Group Manager
 * API. A routing protocol that is written for that API compiles against this header. Link with -lgroupscan.
 * All calls act on one manager, which the process has from its first call until it ends.
 *
 * Addresses and masks are in network byte order in memory, as in struct in_addr. A group or source is one
 * address or any: a mask is 255.255.255.255, or 0 with an address of 0. Ranges are not supported. Groups are
 * in 224.0.0.0/4, or 0 together with a source of 0 for all groups.
 *
 * An interface is a pair of an index and a next hop, which is 0 except on point-to-multipoint interfaces
 * (NBMA, dial-in). It has one owner at a time. It exists while it has an owner or memberships.
 *
 * IGMP is the client whose dwProtocolId has 10 in its low 16 bits. It may add and delete memberships on any
 * interface, other clients on those that they own.
 *
 * Results. Each call returns NO_ERROR, a code listed at the call, or
 *   ERROR_CAN_NOT_COMPLETE   an error that the caller did not cause. Nothing was changed. (If the system
 *                            refuses even a few bytes for bookkeeping, the process ends.)
 * A call that fails changes nothing, except as documented at MgmGroupEnumerationGetNext. A null pointer for a
 * result, or an invalid argument, gives ERROR_INVALID_PARAMETER. ERROR_NOT_ENOUGH_MEMORY is also the code for
 * a limit of the manager: 256 protocols, 65,536 owned interfaces and 1,024 enumerations, unless
 * groupscan_manager_of_process of groupscan.h has set others.
 *
 * Handles are numbers, not pointers, and are checked at each use. A handle that is null, was ended, is of
 * another kind, or was never issued gives ERROR_INVALID_PARAMETER. NULL and (HANDLE)-1 are never issued.
 *
 * Threads. Any thread may make any call at any time, also from destructors of thread-local storage and from
 * atexit functions, but not from a signal handler. Starting, reading and ending enumerations is lock-free;
 * the other calls wait for each other. Readers never wait for writers, nor writers for readers. One case to
 * avoid: a thread whose first call is in a destructor of a pthread_key leaks some 3 KiB and makes later
 * changes a little slower, because the C library runs no destructors of thread-local storage after those. Any
 * earlier call in the thread prevents this.
 *
 * Fork. A child may only exec, unless the process had one thread when it forked. In that case parent and
 * child each have a copy of the manager, including its handles.
 *
 * Unloading. The shared library (ELF) stays loaded until the process ends; dlclose does nothing.
 *
 * Callbacks. The functions of ROUTING_PROTOCOL_CONFIG are stored and never called. To learn of changes,
 * enumerate again periodically, which is cheap.
 *
 * The calls of the public mgm.h on multicast forwarding entries are missing, because groupscan has no such
 * entries: MgmGetMfe, MgmGetFirstMfe, MgmGetNextMfe, MgmGetMfeStats, MgmGetFirstMfeStats, MgmGetNextMfeStats
 * and MgmSetMfe, with MGM_MFE_STATS_0 and MGM_MFE_STATS_1.
 */
#ifndef GROUPSCAN_MGM_H
#define GROUPSCAN_MGM_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The types of windows.h. If another header defines them, define MGM_HAVE_WINDOWS_TYPES before including this
 * one. The headers of Windows, mingw-w64 and Wine are detected.
 */
#if defined(_WINDEF_) || defined(_MINWINDEF_) || defined(__WINE_WINDEF_H) || defined(_WINDOWS_)
#ifndef MGM_HAVE_WINDOWS_TYPES
#define MGM_HAVE_WINDOWS_TYPES
#endif
#endif

#ifndef MGM_HAVE_WINDOWS_TYPES
#define MGM_HAVE_WINDOWS_TYPES
typedef uint8_t BYTE;
typedef BYTE *PBYTE;
typedef uint32_t DWORD;
typedef DWORD *PDWORD;
typedef int BOOL;
typedef void *HANDLE;
#endif

/* The codes of winerror.h. */
#ifndef NO_ERROR
#define NO_ERROR 0
#endif
#ifndef ERROR_NOT_ENOUGH_MEMORY
#define ERROR_NOT_ENOUGH_MEMORY 8
#endif
#ifndef ERROR_INVALID_PARAMETER
#define ERROR_INVALID_PARAMETER 87
#endif
#ifndef ERROR_INSUFFICIENT_BUFFER
#define ERROR_INSUFFICIENT_BUFFER 122
#endif
#ifndef ERROR_ALREADY_EXISTS
#define ERROR_ALREADY_EXISTS 183
#endif
#ifndef ERROR_MORE_DATA
#define ERROR_MORE_DATA 234
#endif
#ifndef ERROR_NO_MORE_ITEMS
#define ERROR_NO_MORE_ITEMS 259
#endif
#ifndef ERROR_CAN_NOT_COMPLETE
#define ERROR_CAN_NOT_COMPLETE 1003
#endif
#ifndef ERROR_NOT_FOUND
#define ERROR_NOT_FOUND 1168
#endif

/* Flags of a membership. Only memberships with the first flag are enumerated. */
#define MGM_JOIN_STATE_FLAG 0x00000001
#define MGM_FORWARD_STATE_FLAG 0x00000002

/* What an enumeration shows. */
typedef enum _MGM_ENUM_TYPES {
    /* One record for each group that has source-specific joins: the one with the lowest source. */
    ANY_SOURCE = 0,
    /* All joins, (*,G) and (S,G). */
    ALL_SOURCES = 1
} MGM_ENUM_TYPES;

/* A record of 16 bytes. In (*,G) the source and its mask are 0, in (*,*) also the group and its mask. */
typedef struct _SOURCE_GROUP_ENTRY {
    DWORD dwSourceAddr;
    DWORD dwSourceMask;
    DWORD dwGroupAddr;
    DWORD dwGroupMask;
} SOURCE_GROUP_ENTRY, *PSOURCE_GROUP_ENTRY;

typedef struct _MGM_IF_ENTRY {
    DWORD dwIfIndex;
    DWORD dwIfNextHopAddr;
    BOOL bIGMP;
    BOOL bIsEnabled;
} MGM_IF_ENTRY, *PMGM_IF_ENTRY;

typedef DWORD (*PMGM_RPF_CALLBACK)(DWORD dwSourceAddr, DWORD dwSourceMask, DWORD dwGroupAddr,
                                   DWORD dwGroupMask, PDWORD pdwInIfIndex, PDWORD pdwInIfNextHopAddr,
                                   PDWORD pdwUpStreamNbr, DWORD dwHdrSize, PBYTE pbPacketHdr,
                                   PBYTE pbRoute);
typedef DWORD (*PMGM_CREATION_ALERT_CALLBACK)(DWORD dwSourceAddr, DWORD dwSourceMask,
                                              DWORD dwGroupAddr, DWORD dwGroupMask,
                                              DWORD dwInIfIndex, DWORD dwInIfNextHopAddr,
                                              DWORD dwIfCount, PMGM_IF_ENTRY pmieOutIfList);
typedef DWORD (*PMGM_PRUNE_ALERT_CALLBACK)(DWORD dwSourceAddr, DWORD dwSourceMask, DWORD dwGroupAddr,
                                           DWORD dwGroupMask, DWORD dwIfIndex,
                                           DWORD dwIfNextHopAddr, BOOL bMemberDelete,
                                           PDWORD pdwTimeout);
typedef DWORD (*PMGM_JOIN_ALERT_CALLBACK)(DWORD dwSourceAddr, DWORD dwSourceMask, DWORD dwGroupAddr,
                                          DWORD dwGroupMask, BOOL bMemberUpdate);
typedef DWORD (*PMGM_WRONG_IF_CALLBACK)(DWORD dwSourceAddr, DWORD dwGroupAddr, DWORD dwIfIndex,
                                        DWORD dwIfNextHopAddr, DWORD dwHdrSize, PBYTE pbPacketHdr);
typedef DWORD (*PMGM_LOCAL_JOIN_CALLBACK)(DWORD dwSourceAddr, DWORD dwSourceMask, DWORD dwGroupAddr,
                                          DWORD dwGroupMask, DWORD dwIfIndex, DWORD dwIfNextHopAddr);
typedef DWORD (*PMGM_LOCAL_LEAVE_CALLBACK)(DWORD dwSourceAddr, DWORD dwSourceMask, DWORD dwGroupAddr,
                                           DWORD dwGroupMask, DWORD dwIfIndex,
                                           DWORD dwIfNextHopAddr);
typedef DWORD (*PMGM_DISABLE_IGMP_CALLBACK)(DWORD dwIfIndex, DWORD dwIfNextHopAddr);
typedef DWORD (*PMGM_ENABLE_IGMP_CALLBACK)(DWORD dwIfIndex, DWORD dwIfNextHopAddr);

/* What a client registers with. */
typedef struct _ROUTING_PROTOCOL_CONFIG {
    DWORD dwCallbackFlags; /* Reserved. */
    PMGM_RPF_CALLBACK pfnRpfCallback;
    PMGM_CREATION_ALERT_CALLBACK pfnCreationAlertCallback;
    PMGM_PRUNE_ALERT_CALLBACK pfnPruneAlertCallback;
    PMGM_JOIN_ALERT_CALLBACK pfnJoinAlertCallback;
    PMGM_WRONG_IF_CALLBACK pfnWrongIfCallback;
    PMGM_LOCAL_JOIN_CALLBACK pfnLocalJoinCallback;
    PMGM_LOCAL_LEAVE_CALLBACK pfnLocalLeaveCallback;
    PMGM_DISABLE_IGMP_CALLBACK pfnDisableIgmpCallback;
    PMGM_ENABLE_IGMP_CALLBACK pfnEnableIgmpCallback;
} ROUTING_PROTOCOL_CONFIG, *PROUTING_PROTOCOL_CONFIG;

/*
 * Registers a client, a protocol and one of its instances (components), and returns the handle for its
 * further calls. prpiInfo may be null; it is copied.
 *
 * ERROR_ALREADY_EXISTS      a client with these ids is registered.
 * ERROR_NOT_ENOUGH_MEMORY   the limit on protocols is reached, or the system refused memory.
 */
DWORD MgmRegisterMProtocol(PROUTING_PROTOCOL_CONFIG prpiInfo, DWORD dwProtocolId, DWORD dwComponentId,
                           HANDLE *phProtocol);

/*
 * Deregisters a client: removes its remaining memberships, and ends its enumerations.
 *
 * ERROR_INVALID_PARAMETER   hProtocol is not valid.
 * ERROR_CAN_NOT_COMPLETE    the client owns interfaces, and must release them first.
 */
DWORD MgmDeRegisterMProtocol(HANDLE hProtocol);

/*
 * Makes a client the owner of an interface. Taking an interface that it owns is NO_ERROR.
 *
 * ERROR_ALREADY_EXISTS      another client owns it.
 * ERROR_INVALID_PARAMETER   hProtocol is not valid.
 * ERROR_NOT_ENOUGH_MEMORY   the limit on owned interfaces is reached.
 */
DWORD MgmTakeInterfaceOwnership(HANDLE hProtocol, DWORD dwIfIndex, DWORD dwIfNextHopAddr);

/*
 * Releases an interface, and removes the memberships that the client has there.
 *
 * ERROR_INVALID_PARAMETER   hProtocol is not valid, or the client does not own the interface.
 */
DWORD MgmReleaseInterfaceOwnership(HANDLE hProtocol, DWORD dwIfIndex, DWORD dwIfNextHopAddr);

/*
 * Returns the owner of an interface.
 *
 * ERROR_NOT_FOUND           it has no owner.
 */
DWORD MgmGetProtocolOnInterface(DWORD dwIfIndex, DWORD dwIfNextHopAddr, PDWORD pdwIfProtocolId,
                                PDWORD pdwIfComponentId);

/*
 * Adds a membership of the client, or the flags that it lacks. Adding an existing membership is NO_ERROR.
 *
 * ERROR_INVALID_PARAMETER   hProtocol, an address, a mask or the flags are not valid; or the client neither
 *                           owns the interface nor is IGMP.
 * ERROR_NOT_ENOUGH_MEMORY   a limit of the table is reached, or the system refused memory.
 */
DWORD MgmAddGroupMembershipEntry(HANDLE hProtocol, DWORD dwSourceAddr, DWORD dwSourceMask,
                                 DWORD dwGroupAddr, DWORD dwGroupMask, DWORD dwIfIndex,
                                 DWORD dwIfNextHopIPAddr, DWORD dwFlags);

/*
 * Removes flags of a membership of the client, and with the last of them the membership. Deleting a
 * membership that does not exist, on an interface that does, is NO_ERROR.
 *
 * ERROR_INVALID_PARAMETER   hProtocol, an address, a mask or the flags are not valid; or another client owns
 *                           the interface, and the caller is not IGMP.
 * ERROR_NOT_FOUND           there is no such interface.
 */
DWORD MgmDeleteGroupMembershipEntry(HANDLE hProtocol, DWORD dwSourceAddr, DWORD dwSourceMask,
                                    DWORD dwGroupAddr, DWORD dwGroupMask, DWORD dwIfIndex,
                                    DWORD dwIfNextHopIPAddr, DWORD dwFlags);

/*
 * Starts an enumeration of the current version of the groups. It sees this version until it is ended,
 * whatever clients add and delete. It must be ended, because it retains the memory of the version.
 *
 * ERROR_INVALID_PARAMETER   hProtocol or metEnumType is not valid.
 * ERROR_NOT_ENOUGH_MEMORY   the limit on enumerations or versions is reached; or the table exceeds its limit
 *                           on memory, because memberships were deleted while enumerations retained them. The
 *                           first add or delete after these enumerations have ended frees that memory.
 */
DWORD MgmGroupEnumerationStart(HANDLE hProtocol, MGM_ENUM_TYPES metEnumType, HANDLE *phEnumHandle);

/*
 * Puts the next records into pbBuffer: as many SOURCE_GROUP_ENTRYs as fit, each once, in ascending order of
 * group and then source, (*,G) before (S,G). *pdwNumEntries is set to their number, and to 0 with all codes
 * except the first two. Never returns NO_ERROR.
 *
 * *pdwBufferSize is the size of pbBuffer in bytes; any size and alignment will do. It is written only with
 * the code ERROR_INSUFFICIENT_BUFFER. Nothing is written beyond the records that could fit; up to there,
 * bytes after the last record returned are unspecified. pbBuffer, pdwBufferSize and pdwNumEntries must not
 * overlap.
 *
 * Threads may call this at the same time with one handle: they get disjoint batches, which together are all
 * records. If one gets ERROR_NO_MORE_ITEMS, others may still be using theirs. If another thread ends the
 * enumeration during the call, the call completes.
 *
 * ERROR_MORE_DATA           records were returned, and more remain.
 * ERROR_NO_MORE_ITEMS       none remain after those returned, if any. pbBuffer may be null if none remained
 *                           before.
 * ERROR_INSUFFICIENT_BUFFER records remain, and the buffer is too small for one. *pdwBufferSize is set to the
 *                           size of one. To ask for it, pbBuffer may be null with a size that is too small.
 * ERROR_INVALID_PARAMETER   hEnum is not valid, or a pointer is null.
 */
DWORD MgmGroupEnumerationGetNext(HANDLE hEnum, PDWORD pdwBufferSize, PBYTE pbBuffer,
                                 PDWORD pdwNumEntries);

/*
 * Ends an enumeration.
 *
 * ERROR_INVALID_PARAMETER   hEnum is not valid.
 */
DWORD MgmGroupEnumerationEnd(HANDLE hEnum);

/* The version of the library, such as "0.2.0". */
const char *groupscan_version(void);

#ifdef __cplusplus
}
#endif

#endif
