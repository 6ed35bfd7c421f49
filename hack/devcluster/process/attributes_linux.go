package process

import "syscall"

// attributes put a child into a process group of its own, so that Ctrl-C in a terminal reaches this process alone, which
// then stops its children in order; and have the kernel kill it should this process die.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
