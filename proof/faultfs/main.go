// Command faultfs serves a directory through FUSE and fails on demand:
//
//	faultfs DIR MOUNTPOINT SOCKET
//
// It writes "ready" when it is mounted. Each line that comes over a connection to the
// unix socket says how it is to behave from now on, and is answered with "ok" or with
// what is wrong with it:
//
//	delay 20ms      every write and creation takes so long; 0s: none
//	fail EIO        every write and creation fails so: EIO, ENOSPC or EROFS; nothing: none
//
// It ends when it is unmounted.
package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: faultfs DIR MOUNTPOINT SOCKET")
		os.Exit(2)
	}
	if err := serve(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, "faultfs:", err)
		os.Exit(1)
	}
}

func serve(dir, mountpoint, socket string) error {
	var st syscall.Stat_t
	if err := syscall.Stat(dir, &st); err != nil {
		return err
	}
	var f faults
	data := &fs.LoopbackRoot{Path: dir, Dev: uint64(st.Dev)}
	root := &node{&fs.LoopbackNode{RootData: data}, &f}
	data.RootNode = root
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	defer listener.Close()
	// Without a helper program: whoever mounts for tests is root.
	server, err := fs.Mount(mountpoint, root, &fs.Options{
		MountOptions: fuse.MountOptions{DirectMountStrict: true, FsName: "faultfs"},
	})
	if err != nil {
		return err
	}
	go f.accept(listener)
	fmt.Println("ready")
	server.Wait()
	return nil
}

// faults says how the file system behaves now. Safe for concurrent use.
type faults struct {
	delay atomic.Int64 // nanoseconds
	errno atomic.Int64 // 0: none
}

// happen takes the time and returns the error that something which writes is to have.
func (f *faults) happen() syscall.Errno {
	time.Sleep(time.Duration(f.delay.Load()))
	return syscall.Errno(f.errno.Load())
}

// accept serves connections until the listener is closed.
func (f *faults) accept(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go f.obey(c)
	}
}

func (f *faults) obey(c io.ReadWriteCloser) {
	defer c.Close()
	for lines := bufio.NewScanner(c); lines.Scan(); {
		answer := "ok"
		if err := f.set(lines.Text()); err != nil {
			answer = err.Error()
		}
		if _, err := fmt.Fprintln(c, answer); err != nil {
			return
		}
	}
}

var errnos = map[string]syscall.Errno{"EIO": syscall.EIO, "ENOSPC": syscall.ENOSPC, "EROFS": syscall.EROFS, "nothing": 0}

func (f *faults) set(line string) error {
	command, value, _ := strings.Cut(line, " ")
	switch command {
	case "delay":
		d, err := time.ParseDuration(value)
		if err != nil {
			return err
		}
		f.delay.Store(int64(d))
		return nil
	case "fail":
		errno, ok := errnos[value]
		if !ok {
			return fmt.Errorf("unknown error %q", value)
		}
		f.errno.Store(int64(errno))
		return nil
	}
	return fmt.Errorf("unknown command %q", command)
}

// node is a file or directory.
type node struct {
	*fs.LoopbackNode
	faults *faults
}

// WrapChild implements [fs.NodeWrapChilder].
func (n *node) WrapChild(_ context.Context, ops fs.InodeEmbedder) fs.InodeEmbedder {
	if l, ok := ops.(*fs.LoopbackNode); ok {
		return &node{l, n.faults}
	}
	return ops
}

// Open implements [fs.NodeOpener].
func (n *node) Open(ctx context.Context, flags uint32) (fs.FileHandle, uint32, syscall.Errno) {
	h, fuseFlags, errno := n.LoopbackNode.Open(ctx, flags)
	return n.wrap(h), fuseFlags, errno
}

// Create implements [fs.NodeCreater].
func (n *node) Create(ctx context.Context, name string, flags, mode uint32, out *fuse.EntryOut) (*fs.Inode, fs.FileHandle, uint32, syscall.Errno) {
	if errno := n.faults.happen(); errno != 0 {
		return nil, nil, 0, errno
	}
	inode, h, fuseFlags, errno := n.LoopbackNode.Create(ctx, name, flags, mode, out)
	return inode, n.wrap(h), fuseFlags, errno
}

// Mkdir implements [fs.NodeMkdirer].
func (n *node) Mkdir(ctx context.Context, name string, mode uint32, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	if errno := n.faults.happen(); errno != 0 {
		return nil, errno
	}
	return n.LoopbackNode.Mkdir(ctx, name, mode, out)
}

func (n *node) wrap(h fs.FileHandle) fs.FileHandle {
	if f, ok := h.(*fs.LoopbackFile); ok {
		return &file{f, n.faults}
	}
	return h
}

// file is an open file.
type file struct {
	*fs.LoopbackFile
	faults *faults
}

// PassthroughFd implements [fs.FilePassthroughFder]: without it the kernel may write
// to the file behind this one, past Write.
func (f *file) PassthroughFd() (int, bool) { return 0, false }

// Write implements [fs.FileWriter].
func (f *file) Write(ctx context.Context, data []byte, off int64) (uint32, syscall.Errno) {
	if errno := f.faults.happen(); errno != 0 {
		return 0, errno
	}
	return f.LoopbackFile.Write(ctx, data, off)
}

// Allocate implements [fs.FileAllocater].
func (f *file) Allocate(ctx context.Context, off, size uint64, mode uint32) syscall.Errno {
	if errno := f.faults.happen(); errno != 0 {
		return errno
	}
	return f.LoopbackFile.Allocate(ctx, off, size, mode)
}
