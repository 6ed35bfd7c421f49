package process

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// Command is what to run.
type Command struct {
	// Path of the binary.
	Path string
	// Args follow the binary's own name.
	Args []string
	// Env is added to this process's environment, as KEY=value.
	Env []string
	// Log is the file that gets the standard output and error; it is emptied first.
	Log string
}

// Process is a running child.
type Process struct {
	command Command
	cmd     *exec.Cmd
	done    chan struct{}
	err     error // set before done is closed
}

// Start runs a command until it ends by itself, is stopped, or this process ends.
func Start(command Command) (*Process, error) {
	log, err := os.OpenFile(command.Log, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("create log of %s: %w", filepath.Base(command.Path), err)
	}
	defer log.Close()

	cmd := exec.Command(command.Path, command.Args...)
	cmd.Env = append(os.Environ(), command.Env...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = attributes()

	p := &Process{command: command, cmd: cmd, done: make(chan struct{})}
	started := make(chan error)
	go p.run(started)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", p.Name(), err)
	}
	return p, nil
}

// run keeps its thread for the whole life of the child: Linux sends the signal that tells a child of its parent's death
// when the thread that forked it ends, which in Go may be long before the process does.
func (p *Process) run(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := p.cmd.Start()
	started <- err
	if err != nil {
		return
	}
	p.err = p.cmd.Wait()
	close(p.done)
}

// Name is the name of the binary.
func (p *Process) Name() string { return filepath.Base(p.command.Path) }

// PID is the process's number.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Signal sends a signal. A process that has ended is an error.
func (p *Process) Signal(signal syscall.Signal) error {
	if err := p.cmd.Process.Signal(signal); err != nil {
		return fmt.Errorf("signal %s: %w", p.Name(), err)
	}
	return nil
}

// Hang stops the process in its tracks, until Resume. On Linux, nothing in it runs any more when this returns.
func (p *Process) Hang() error {
	if err := p.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	return waitUntilStopped(p.cmd.Process.Pid)
}

// Resume lets the process go on after Hang.
func (p *Process) Resume() error { return p.Signal(syscall.SIGCONT) }

// Stop asks the process to end, kills it if it has not done so after grace (0: at once), and returns when it is gone.
// It is an error if the process had to be killed although it was granted time.
func (p *Process) Stop(grace time.Duration) error {
	if grace > 0 && p.Signal(syscall.SIGTERM) == nil {
		select {
		case <-p.done:
			return nil
		case <-time.After(grace):
		}
	}
	killed := p.Signal(syscall.SIGKILL) == nil
	<-p.done
	if killed && grace > 0 {
		return fmt.Errorf("stop %s: killed, it was still running after %s", p.Name(), grace)
	}
	return nil
}

// Err waits for the end of the process and says how it ended: nil for exit status 0.
func (p *Process) Err() error {
	<-p.done
	return p.err
}

// Ended says how the process ended and what it wrote last. It is for a process that is Done though nobody stopped it.
func (p *Process) Ended() error {
	<-p.done
	how := "exit status 0"
	if p.err != nil {
		how = p.err.Error()
	}
	return fmt.Errorf("%s ended by itself (%s); the last lines of its log:\n%s", p.Name(), how, p.Tail(errorLines))
}

// errorLines is how much of a log goes into an error.
const errorLines = 15

// Tail returns the last lines of the process's log.
func (p *Process) Tail(lines int) string {
	content, err := os.ReadFile(p.command.Log)
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimRight(string(content), "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
