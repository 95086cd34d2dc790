#!/usr/bin/python3
"""Mounts DIRECTORY at PLACE as APFS would show it: names keep their case, and are found in any.

The tests run on Linux, and no file system of a usual Linux kernel is like that (ext4's casefold
needs CONFIG_UNICODE, XFS's ascii-ci is off by default). This one passes everything through to
DIRECTORY, looks each name up without regard to case, and creates it as it is written. It stays in
the foreground until it is unmounted. It needs Debian's python3-fusepy and /dev/fuse.

usage: case_insensitive.py DIRECTORY PLACE
"""

import errno
import os
import sys

from fusepy import FUSE, FuseOSError, Operations

STAT = ("st_atime", "st_ctime", "st_gid", "st_ino", "st_mode", "st_mtime", "st_nlink", "st_size",
        "st_uid", "st_blocks")
STATFS = ("f_bavail", "f_bfree", "f_blocks", "f_bsize", "f_favail", "f_ffree", "f_files",
          "f_flag", "f_frsize", "f_namemax")


class CaseInsensitive(Operations):
    """Each operation finds the real file first; all else is the system's."""

    def __init__(self, root):
        self.root = os.path.realpath(root)
        # (directory, folded name) -> name; dropped with whatever changes names.
        self.names = {}

    def entry(self, directory, name):
        """The name in `directory` that `name` means: itself, one that differs by case, or itself."""
        key = (directory, name.casefold())
        known = self.names.get(key)
        if known is None:
            try:
                for other in os.listdir(directory):
                    self.names[(directory, other.casefold())] = other
            except (NotADirectoryError, FileNotFoundError):
                pass
            known = self.names.get(key)
        return known if known is not None else name

    def real(self, path):
        place = self.root
        for name in path.split("/"):
            if name:
                place = os.path.join(place, self.entry(place, name))
        return place

    def forget(self):
        self.names.clear()

    def getattr(self, path, fh=None):
        found = os.fstat(fh) if fh is not None else os.lstat(self.real(path))
        return {key: getattr(found, key) for key in STAT}

    def readdir(self, path, fh):
        return [".", ".."] + os.listdir(self.real(path))

    def readlink(self, path):
        return os.readlink(self.real(path))

    def mkdir(self, path, mode):
        os.mkdir(self.real(path), mode)
        self.forget()

    def rmdir(self, path):
        os.rmdir(self.real(path))
        self.forget()

    def unlink(self, path):
        os.unlink(self.real(path))
        self.forget()

    def symlink(self, path, target):
        os.symlink(target, self.real(path))
        self.forget()

    def link(self, path, target):
        os.link(self.real(target), self.real(path), follow_symlinks=False)
        self.forget()

    def rename(self, old, new):
        source, target = self.real(old), self.real(new)
        os.rename(source, target)
        # An entry that was there under another case keeps its name on APFS, unless it is the one
        # that is renamed.
        if source == target:
            os.rename(source, os.path.join(os.path.dirname(target), os.path.basename(new)))
        self.forget()

    def chmod(self, path, mode):
        os.chmod(self.real(path), mode)

    def chown(self, path, uid, gid):
        os.lchown(self.real(path), uid, gid)

    def utimens(self, path, times=None):
        os.utime(self.real(path), times, follow_symlinks=False)

    def statfs(self, path):
        found = os.statvfs(self.real(path))
        return {key: getattr(found, key) for key in STATFS}

    def mknod(self, path, mode, dev):
        os.mknod(self.real(path), mode, dev)
        self.forget()

    def open(self, path, flags):
        return os.open(self.real(path), flags)

    def create(self, path, mode, fi=None):
        fh = os.open(self.real(path), os.O_RDWR | os.O_CREAT | os.O_EXCL, mode)
        self.forget()
        return fh

    def read(self, path, size, offset, fh):
        return os.pread(fh, size, offset)

    def write(self, path, data, offset, fh):
        return os.pwrite(fh, data, offset)

    def truncate(self, path, length, fh=None):
        if fh is None:
            os.truncate(self.real(path), length)
        else:
            os.ftruncate(fh, length)

    def fsync(self, path, datasync, fh):
        os.fsync(fh)

    def release(self, path, fh):
        os.close(fh)

    def access(self, path, mode):
        if not os.access(self.real(path), mode, follow_symlinks=False):
            raise FuseOSError(errno.EACCES)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    # Without time-outs of zero the kernel would remember names, case and all.
    FUSE(CaseInsensitive(sys.argv[1]), sys.argv[2], foreground=True, nothreads=True,
         attr_timeout=0, entry_timeout=0, negative_timeout=0, use_ino=True, big_writes=True,
         encoding="utf-8", fsname="case-insensitive")


if __name__ == "__main__":
    main()
