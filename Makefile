# Builds and installs what C links, on systems with ELF. Rust users need none of this.
#
#   make                      the libraries, by cargo
#   make check                the tests in C, with the shared library
#   make install              both headers, both libraries and groupscan.pc, as `make` built them; so root
#                             needs no cargo, unless there was no `make` before
#   make uninstall            takes them away again
#
# PREFIX, LIBDIR, INCLUDEDIR and DESTDIR mean what they always do. CARGO_TARGET says for which other machine to
# build, and CC must be its compiler then; PRIVATE_LIBS says what Rust's standard library needs there.

PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
PKGCONFIGDIR ?= $(LIBDIR)/pkgconfig

CARGO ?= cargo
CC ?= cc
NM ?= nm
INSTALL ?= install
TARGET_DIR ?= target
CFLAGS ?= -O2 -g
CARGO_TARGET ?= $(CARGO_BUILD_TARGET)

VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)
version_words := $(subst ., ,$(VERSION))
major := $(word 1,$(version_words))

# Programs go on working with a library of the same soname. Before 1.0 a minor version may be the end of that.
ifeq ($(major),0)
soname := libgroupscan.so.0.$(word 2,$(version_words))
else
soname := libgroupscan.so.$(major)
endif
shared := libgroupscan.so.$(VERSION)

release := $(TARGET_DIR)/$(if $(CARGO_TARGET),$(CARGO_TARGET)/)release
built := $(release)/capi
# Copied, for a build without the feature puts an archive without the calls in the same place.
archive := $(built)/libgroupscan.a
MAP ?= capi/groupscan.map
headers := include/groupscan.h include/mgm.h
tests := native mgm_contract

# `rustc --print native-static-libs`, but for what a compiler links without being told.
PRIVATE_LIBS ?= -lutil -lrt -lpthread -lm -ldl

strict := -std=c99 -Wall -Wextra -Werror -pedantic

.DELETE_ON_ERROR:
.PHONY: all check install uninstall clean cargo

all: $(built)/$(shared)

# Whether there is anything to do, cargo knows best.
$(archive): cargo
	mkdir -p '$(built)'
	cp '$(release)/libgroupscan.a' $@

cargo:
	$(CARGO) build --release --locked --lib --features capi --target-dir '$(TARGET_DIR)' \
		$(if $(CARGO_TARGET),--target $(CARGO_TARGET))

# Links the archive into a shared library, with a version script.
link = $(CC) -shared -o $(1) $(CFLAGS) $(LDFLAGS) -Wl,-soname,$(soname) -Wl,--version-script=$(2) \
	-Wl,--gc-sections -Wl,-z,nodelete -Wl,-z,relro -Wl,-z,now -Wl,--strip-debug \
	-Wl,--whole-archive '$(archive)' -Wl,--no-whole-archive $(PRIVATE_LIBS)

# The names that the code exports must be those of the version script, neither more nor less.
$(built)/$(shared): $(archive) $(MAP) Makefile
	sed -n 's/^    \([A-Za-z_0-9]*\);$$/\1/p' $(MAP) | LC_ALL=C sort > '$(built)/listed'
	echo '{ global: Mgm*; groupscan_*; local: *; };' > '$(built)/all.map'
	$(call link,'$(built)/all.so','$(built)/all.map')
	$(NM) -D --defined-only --format=posix '$(built)/all.so' | cut -d' ' -f1 | LC_ALL=C sort \
		> '$(built)/exported'
	diff -u '$(built)/listed' '$(built)/exported' || \
		{ echo "$(MAP) does not list what the code exports" >&2; exit 1; }
	$(call link,$@,$(MAP))
	ln -sf $(shared) '$(built)/$(soname)'
	ln -sf $(shared) '$(built)/libgroupscan.so'

check: $(tests:%=check-%)

.PHONY: $(tests:%=check-%)
$(tests:%=check-%): check-%: $(built)/$(shared)
	$(CC) $(strict) $(CPPFLAGS) $(CFLAGS) -Iinclude -o '$(built)/$*' tests/c/$*.c $(LDFLAGS) \
		-L'$(built)' -lgroupscan -pthread
	LD_LIBRARY_PATH='$(abspath $(built))' '$(built)/$*'

install: $(filter all check clean,$(MAKECMDGOALS))
	test -e '$(built)/$(shared)' || $(MAKE) all
	$(INSTALL) -d '$(DESTDIR)$(LIBDIR)' '$(DESTDIR)$(PKGCONFIGDIR)' \
		'$(DESTDIR)$(INCLUDEDIR)/groupscan'
	$(INSTALL) -m 644 $(headers) '$(DESTDIR)$(INCLUDEDIR)/groupscan'
	$(INSTALL) -m 644 '$(archive)' '$(DESTDIR)$(LIBDIR)'
	$(INSTALL) -m 755 '$(built)/$(shared)' '$(DESTDIR)$(LIBDIR)'
	ln -sf $(shared) '$(DESTDIR)$(LIBDIR)/$(soname)'
	ln -sf $(soname) '$(DESTDIR)$(LIBDIR)/libgroupscan.so'
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' \
		-e 's|@VERSION@|$(VERSION)|' -e 's|@PRIVATE_LIBS@|$(PRIVATE_LIBS)|' capi/groupscan.pc.in \
		> '$(DESTDIR)$(PKGCONFIGDIR)/groupscan.pc'

uninstall:
	rm -f $(headers:include/%='$(DESTDIR)$(INCLUDEDIR)/groupscan/%')
	rm -f '$(DESTDIR)$(LIBDIR)/libgroupscan.a' '$(DESTDIR)$(LIBDIR)/$(shared)' \
		'$(DESTDIR)$(LIBDIR)/$(soname)' '$(DESTDIR)$(LIBDIR)/libgroupscan.so' \
		'$(DESTDIR)$(PKGCONFIGDIR)/groupscan.pc'
	-rmdir '$(DESTDIR)$(INCLUDEDIR)/groupscan' 2>/dev/null

clean:
	rm -rf '$(built)'
