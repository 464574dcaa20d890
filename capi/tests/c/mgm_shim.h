/*
 * What the public-domain mgm.h of mingw-w64 needs from windows.h and winerror.h, for a compiler on Unix. For
 * C only, because that header has no extern "C".
 */
#ifndef MGM_SHIM_H
#define MGM_SHIM_H

#include <stdint.h>

typedef uint8_t BYTE;
typedef BYTE *PBYTE;
typedef uint32_t DWORD;
typedef DWORD *PDWORD;
typedef int WINBOOL;
typedef void *HANDLE;

/* The header names forwarding entries only in calls that the library does not have. */
typedef struct _MIB_IPMCAST_MFE *PMIB_IPMCAST_MFE;

#define NO_ERROR 0
#define ERROR_NOT_ENOUGH_MEMORY 8
#define ERROR_INVALID_PARAMETER 87
#define ERROR_INSUFFICIENT_BUFFER 122
#define ERROR_ALREADY_EXISTS 183
#define ERROR_MORE_DATA 234
#define ERROR_NO_MORE_ITEMS 259
#define ERROR_CAN_NOT_COMPLETE 1003
#define ERROR_NOT_FOUND 1168

#endif
