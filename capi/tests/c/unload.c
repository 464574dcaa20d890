/*
 * Loads the library, calls it on a thread, and unloads it before the thread ends: the thread's destructors
 * run code of the library.
 */
#define _POSIX_C_SOURCE 200809L
#include <dlfcn.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>

#include "mgm.h"

typedef DWORD (*register_call)(PROUTING_PROTOCOL_CONFIG, DWORD, DWORD, HANDLE *);
typedef DWORD (*start_call)(HANDLE, MGM_ENUM_TYPES, HANDLE *);
typedef DWORD (*handle_call)(HANDLE);

static void *library;
static sem_t called, unloaded;

/* ISO C cannot convert object pointers to function pointers. */
static void look_up(const char *name, void *call)
{
    void *symbol = dlsym(library, name);
    if (symbol != NULL)
        memcpy(call, &symbol, sizeof symbol);
}

static void *run(void *failed)
{
    register_call register_protocol = NULL;
    handle_call deregister = NULL, end = NULL;
    start_call start = NULL;
    HANDLE protocol = NULL, enumeration = NULL;

    look_up("MgmRegisterMProtocol", &register_protocol);
    look_up("MgmDeRegisterMProtocol", &deregister);
    look_up("MgmGroupEnumerationStart", &start);
    look_up("MgmGroupEnumerationEnd", &end);
    if (register_protocol != NULL && deregister != NULL && start != NULL && end != NULL)
        *(int *)failed = register_protocol(NULL, 10, 0, &protocol) != NO_ERROR ||
                         start(protocol, ALL_SOURCES, &enumeration) != NO_ERROR ||
                         end(enumeration) != NO_ERROR || deregister(protocol) != NO_ERROR;
    sem_post(&called);
    sem_wait(&unloaded);
    return NULL;
}

int main(int count, char **arguments)
{
    int failed = 1;
    pthread_t thread;

    if (count != 2 || (library = dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL)) == NULL) {
        fprintf(stderr, "the library cannot be loaded: %s\n", count == 2 ? dlerror() : "no path");
        return 1;
    }
    sem_init(&called, 0, 0);
    sem_init(&unloaded, 0, 0);
    if (pthread_create(&thread, NULL, run, &failed) != 0)
        return 1;
    sem_wait(&called);
    dlclose(library);
    sem_post(&unloaded);
    pthread_join(thread, NULL);
    return failed;
}
