package process

import (
	"errors"
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

// attributes put a child into a process group of its own, so that Ctrl-C in a terminal reaches this process alone, which
// then stops its children in order; and have the kernel kill it should this process die.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// waitUntilStopped waits for the last thread of a child to stop: sending the signal only asks them to. That the child is
// stopped stays known, so that this may be asked again.
func waitUntilStopped(pid int) error {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WSTOPPED|unix.WNOWAIT, nil)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return fmt.Errorf("wait until process %d has stopped: %w", pid, err)
		}
		return nil
	}
}
