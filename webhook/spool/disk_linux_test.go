package spool

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// ownMounts makes a process of this test's binary one that may mount what it likes, for itself alone.
const ownMounts = "ITOC360_TEST_OWN_MOUNTS"

// withOwnDisk runs a test in a process that has a small disk of its own, or skips it where the system does not let anybody have
// one: then nothing can be shown here of a disk that is full, short of filling the machine's.
func withOwnDisk(t *testing.T, test func(t *testing.T, dir string)) {
	t.Helper()
	if dir := os.Getenv(ownMounts); dir != "" {
		if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=4m"); err != nil {
			t.Fatal(err)
		}
		test(t, dir)
		return
	}
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	child.Env = append(os.Environ(), ownMounts+"="+t.TempDir())
	child.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	output, err := child.CombinedOutput()
	var refused syscall.Errno
	if errors.As(err, &refused) {
		t.Skipf("this system lets nobody mount anything: %v", err)
	}
	t.Logf("%s", output)
	if err != nil || !strings.Contains(string(output), "--- PASS") {
		t.Errorf("on a disk of its own it ended as %v", err)
	}
}

func TestADiskThatIsFullIsToldOfAndUsedAgainWhenThereIsRoom(t *testing.T) {
	withOwnDisk(t, func(t *testing.T, dir string) {
		t.Helper()
		w := newWorld(t)
		w.dir, w.most = dir, 1<<30
		spool, _ := w.open(t)
		value := []byte(strings.Repeat("x", 100<<10))
		put := func(sequence uint64) error {
			done := make(chan error, 1)
			spool.Put(sequence, value, func(err error) { done <- err })
			return <-done
		}
		taken := uint64(0)
		var failed error
		for failed == nil && taken < 100 {
			if failed = put(taken + 1); failed == nil {
				taken++
			}
		}
		if !errors.Is(failed, syscall.ENOSPC) || w.heard() != "[SpoolUnavailable]" {
			t.Errorf("after %d puts it ended as %v; heard of %s", taken, failed, w.heard())
		}
		for sequence := range taken {
			spool.Remove(sequence + 1)
		}
		deadline := time.After(patience)
		for put(taken+1) != nil {
			select {
			case <-deadline:
				t.Fatal("what was removed made no room")
			case <-time.After(retryInterval / 10):
			}
		}
	})
}

func TestADiskThatBecomesReadOnlyIsToldOf(t *testing.T) {
	withOwnDisk(t, func(t *testing.T, dir string) {
		t.Helper()
		if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
			t.Fatal(err)
		}
		w := newWorld(t)
		w.dir = dir
		spool, _ := w.open(t)
		if err := putAll(t, spool, "a")[0]; !errors.Is(err, ErrDown) || w.heard() != "[SpoolUnavailable]" {
			t.Errorf("it ended as %v; heard of %s", err, w.heard())
		}
		if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT, ""); err != nil {
			t.Fatal(err)
		}
		spool.open()
		mustPut(t, spool, "a")
	})
}
