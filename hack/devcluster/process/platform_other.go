//go:build !linux

package process

import "syscall"

// attributes put a child into a process group of its own, so that Ctrl-C in a terminal reaches this process alone, which
// then stops its children in order.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}

// waitUntilStopped has no way here to learn when the last thread of a child stops.
func waitUntilStopped(int) error { return nil }
