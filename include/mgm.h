/*
 * mgm.h - group enumeration of the Multicast Group Manager, as groupscan implements it.
 *
 * The calls, types and numbers are those of the public documentation of the Windows Multicast Group
 * Manager API; a routing protocol that is written against that compiles against this. Link with
 * -lgroupscan. All calls act on one manager, which the process has from the first call to its end.
 *
 * Addresses and masks are in network byte order in memory, as in a struct in_addr. The group and the
 * source are each one address or any: a mask is 255.255.255.255, or 0 with an address of 0. Ranges are
 * not supported. Groups are 224.0.0.0/4, or 0 together with a source of 0 for all groups.
 *
 * An interface is the pair of its index and a next hop, which is 0 on all but point-to-multipoint
 * interfaces (NBMA, dial-in). It has one owner at a time. It exists while it is owned or has memberships.
 *
 * IGMP is the client whose dwProtocolId has 10 in its low 16 bits. It may add and delete memberships on
 * any interface, every other client on those that it owns.
 *
 * Results. Every call returns a code: NO_ERROR, one of those named at the call, or
 *   ERROR_CAN_NOT_COMPLETE   something went wrong that is none of the caller's doing. Nothing was changed.
 *                            (Where the system has not even some bytes for bookkeeping, the process ends.)
 * A call that fails changes nothing but what is said at MgmGroupEnumerationGetNext. A null pointer where a
 * result is to go, and an argument that is not valid, give ERROR_INVALID_PARAMETER. "Not enough memory" is said
 * at a limit of the manager, too: 256 protocols, 65,536 owned interfaces and 1,024 enumerations at a time, unless
 * groupscan_manager_of_process of groupscan.h said otherwise.
 *
 * Handles are numbers, not pointers. They are checked at each use: one that is null, was ended, is of the
 * other kind, or was never issued, gives ERROR_INVALID_PARAMETER. NULL and (HANDLE)-1 are never issued.
 *
 * Threads. Any call may be made from any thread, at any time, also from destructors of thread-local
 * storage and from atexit functions; but not from a signal handler. Starting, reading and ending
 * enumerations is lock-free; the other calls wait for each other. A reader never waits for a writer, nor
 * a writer for a reader. One thing to avoid: a thread that makes its first call in a destructor of a
 * pthread_key leaves some 3 KiB behind, and makes later changes a little slower, for the C library runs no
 * destructors of thread-local storage after those. Any call earlier in the thread prevents it.
 *
 * Fork. A child may only exec, unless the process had one thread when it forked. What that had is then there in
 * both, as copies, handles included.
 *
 * Unloading. The shared library (ELF) stays loaded until the process ends; dlclose does nothing.
 *
 * Callbacks. The functions of ROUTING_PROTOCOL_CONFIG are stored and never called. Who wants to know of
 * changes enumerates again, now and then: that costs little.
 *
 * Left out of the public mgm.h are the calls on multicast forwarding entries, for groupscan keeps none:
 * MgmGetMfe, MgmGetFirstMfe, MgmGetNextMfe, MgmGetMfeStats, MgmGetFirstMfeStats, MgmGetNextMfeStats and
 * MgmSetMfe, with MGM_MFE_STATS_0 and MGM_MFE_STATS_1.
 */
#ifndef GROUPSCAN_MGM_H
#define GROUPSCAN_MGM_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The types of windows.h. Where another header has them already, define MGM_HAVE_WINDOWS_TYPES before
 * including this one; that of Windows, of mingw-w64 and of Wine are found without it.
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

/* What a membership stands for. Only those with the first flag are enumerated. */
#define MGM_JOIN_STATE_FLAG 0x00000001
#define MGM_FORWARD_STATE_FLAG 0x00000002

/* What an enumeration shows. */
typedef enum _MGM_ENUM_TYPES {
    /* One record for each group with at least one source-specific join: that of its lowest source. */
    ANY_SOURCE = 0,
    /* Every join, (*,G) and (S,G). */
    ALL_SOURCES = 1
} MGM_ENUM_TYPES;

/* A record: 16 bytes. Of a (*,G) the source and its mask are 0, of (*,*) the group and its mask, too. */
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
 * Registers a client, which is a protocol and one of its instances (components), and gives the handle
 * for its further calls. prpiInfo may be null; it is copied.
 *
 * ERROR_ALREADY_EXISTS      a client with these ids is registered.
 * ERROR_NOT_ENOUGH_MEMORY   there is no room for one more.
 */
DWORD MgmRegisterMProtocol(PROUTING_PROTOCOL_CONFIG prpiInfo, DWORD dwProtocolId, DWORD dwComponentId,
                           HANDLE *phProtocol);

/*
 * Deregisters a client: removes the memberships that it has left, and ends the enumerations that it
 * started.
 *
 * ERROR_INVALID_PARAMETER   hProtocol is not valid.
 * ERROR_CAN_NOT_COMPLETE    the client owns interfaces, and must release them first.
 */
DWORD MgmDeRegisterMProtocol(HANDLE hProtocol);

/*
 * Makes a client the owner of an interface. Taking what one owns already is NO_ERROR.
 *
 * ERROR_ALREADY_EXISTS      another client owns it.
 * ERROR_INVALID_PARAMETER   hProtocol is not valid.
 * ERROR_NOT_ENOUGH_MEMORY   there is no room for one more.
 */
DWORD MgmTakeInterfaceOwnership(HANDLE hProtocol, DWORD dwIfIndex, DWORD dwIfNextHopAddr);

/*
 * Gives up an interface, and removes the memberships that the client has there.
 *
 * ERROR_INVALID_PARAMETER   hProtocol is not valid, or the client does not own the interface.
 */
DWORD MgmReleaseInterfaceOwnership(HANDLE hProtocol, DWORD dwIfIndex, DWORD dwIfNextHopAddr);

/*
 * Tells who owns an interface.
 *
 * ERROR_NOT_FOUND           nobody does.
 */
DWORD MgmGetProtocolOnInterface(DWORD dwIfIndex, DWORD dwIfNextHopAddr, PDWORD pdwIfProtocolId,
                                PDWORD pdwIfComponentId);

/*
 * Adds a membership of the client, or the flags that it lacks. Adding what is there is NO_ERROR.
 *
 * ERROR_INVALID_PARAMETER   hProtocol, the addresses, the masks or the flags are not valid; or another
 *                           client owns the interface, or nobody does, and the caller is not IGMP.
 * ERROR_NOT_ENOUGH_MEMORY   there is no room for one more.
 */
DWORD MgmAddGroupMembershipEntry(HANDLE hProtocol, DWORD dwSourceAddr, DWORD dwSourceMask,
                                 DWORD dwGroupAddr, DWORD dwGroupMask, DWORD dwIfIndex,
                                 DWORD dwIfNextHopIPAddr, DWORD dwFlags);

/*
 * Removes flags of a membership of the client, and the membership with the last of them. Deleting what is
 * not there, on an interface that is, is NO_ERROR.
 *
 * ERROR_INVALID_PARAMETER   hProtocol, the addresses, the masks or the flags are not valid; or another
 *                           client owns the interface, and the caller is not IGMP.
 * ERROR_NOT_FOUND           there is no such interface.
 */
DWORD MgmDeleteGroupMembershipEntry(HANDLE hProtocol, DWORD dwSourceAddr, DWORD dwSourceMask,
                                    DWORD dwGroupAddr, DWORD dwGroupMask, DWORD dwIfIndex,
                                    DWORD dwIfNextHopIPAddr, DWORD dwFlags);

/*
 * Starts an enumeration of the groups as they are now. It sees this state until it is ended, whatever
 * clients add and delete meanwhile; so it must be ended, for it holds the memory of that state.
 *
 * ERROR_INVALID_PARAMETER   hProtocol or metEnumType is not valid.
 * ERROR_NOT_ENOUGH_MEMORY   there is no room for one more; or more memory is in use than was allowed, because
 *                           memberships were deleted while enumerations held them. The next add or delete
 *                           after these have ended, of whatever membership, frees what they held.
 */
DWORD MgmGroupEnumerationStart(HANDLE hProtocol, MGM_ENUM_TYPES metEnumType, HANDLE *phEnumHandle);

/*
 * Puts the next groups into pbBuffer: as many SOURCE_GROUP_ENTRYs as fit, each once, ascending by group
 * and then source, (*,G) before (S,G). Sets *pdwNumEntries to their number, which is 0 with all
 * codes but the first two. Never returns NO_ERROR.
 *
 * *pdwBufferSize is the size of pbBuffer in bytes, which may be of any size and alignment. It is written
 * with ERROR_INSUFFICIENT_BUFFER only. Nothing is written behind the last whole record that fits; bytes
 * behind the last one returned, up to there, are unspecified. pbBuffer, pdwBufferSize and pdwNumEntries must
 * not overlap.
 *
 * Threads may call this at the same time with one handle: they get different records, and together all.
 * ERROR_NO_MORE_ITEMS in one of them does not say that the others have finished theirs. A call that has
 * begun before the enumeration is ended completes.
 *
 * ERROR_MORE_DATA           records were returned, and there are more.
 * ERROR_NO_MORE_ITEMS       records, or none, were returned, and there are no more. pbBuffer may be null if
 *                           there were none before.
 * ERROR_INSUFFICIENT_BUFFER there are more, and not even one fits. *pdwBufferSize is set to the bytes
 *                           that one needs. pbBuffer may be null to ask for that with such a size.
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

/* The version of the library, such as "0.1.0". */
const char *groupscan_version(void);

#ifdef __cplusplus
}
#endif

#endif
