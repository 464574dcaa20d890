# The C libraries: `make`, `make check-c`, `make install`, `make uninstall`, `make clean`. See capi/Makefile.
include capi/Makefile
