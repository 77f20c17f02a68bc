//go:build unix

package python

import (
	"fmt"
	"net"
	"os"
	"syscall"
)

// errNotYet is the error of a read that would have to wait.
const errNotYet = syscall.EAGAIN

// readNow reads from a descriptor that does not block.
func readNow(fd uintptr, p []byte) (int, error) {
	for {
		n, err := syscall.Read(int(fd), p)
		if err != syscall.EINTR {
			return n, err
		}
	}
}

// newPassing returns both ends of a socket over which descriptors are passed.
func newPassing() (ours *net.UnixConn, theirs *os.File, err error) {
	syscall.ForkLock.RLock() // a program that is started now would inherit them
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(pair[0])
		syscall.CloseOnExec(pair[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	end := os.NewFile(uintptr(pair[0]), "passing")
	defer func() { _ = end.Close() }() // conn has a descriptor of its own
	theirs = os.NewFile(uintptr(pair[1]), "passing")
	conn, err := net.FileConn(end)
	if err != nil {
		_ = theirs.Close()
		return nil, nil, err
	}
	return conn.(*net.UnixConn), theirs, nil
}

// sendSegments passes descriptors on.
func sendSegments(to *net.UnixConn, segments []*segment) error {
	fds := make([]int, len(segments))
	for i, s := range segments {
		fds[i] = int(s.file.Fd())
	}
	_, _, err := to.WriteMsgUnix([]byte{0}, syscall.UnixRights(fds...), nil)
	return err
}

// receiveFiles receives the descriptors that belong to one frame.
func receiveFiles(from *net.UnixConn, count int) ([]*os.File, error) {
	control := make([]byte, syscall.CmsgSpace(4*count))
	_, n, _, _, err := from.ReadMsgUnix(make([]byte, 1), control)
	if err != nil {
		return nil, err
	}
	var files []*os.File
	messages, err := syscall.ParseSocketControlMessage(control[:n])
	for _, m := range messages {
		fds, rights := syscall.ParseUnixRights(&m)
		if rights != nil {
			err = rights
		}
		for _, fd := range fds {
			files = append(files, os.NewFile(uintptr(fd), "segment"))
		}
	}
	if err == nil && len(files) != count {
		err = fmt.Errorf("%d descriptors, expected %d", len(files), count)
	}
	if err != nil {
		for _, f := range files {
			_ = f.Close()
		}
		return nil, err
	}
	return files, nil
}
