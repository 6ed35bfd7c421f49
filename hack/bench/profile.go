package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// profileTime is how much of each measure is profiled, after a second.
const profileTime = 10 * time.Second

// profile takes a profile of the operator while something is measured, if it is to.
func (w *world) profile(ctx context.Context) (wait func()) {
	if w.profiles == "" {
		return func() {}
	}
	w.measures++
	path := filepath.Join(w.profiles, fmt.Sprintf("%02d.pprof", w.measures))
	w.progress("  profile: %s", path)
	done := make(chan error, 1)
	go func() { done <- w.saveProfile(ctx, path) }()
	return func() {
		if err := <-done; err != nil {
			w.progress("  no profile: %v", err)
		}
	}
}

func (w *world) saveProfile(ctx context.Context, path string) error {
	url := fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%d", w.profiler, int(profileTime.Seconds()))
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	return os.WriteFile(path, content, 0o600)
}

// residentMiB is the operator's memory now, and the most that it ever was.
func (w *world) residentMiB() (now, most int) {
	path := fmt.Sprintf("/proc/%d/status", w.operator.PID())
	for field, to := range map[string]*int{"VmRSS": &now, "VmHWM": &most} {
		var kibibytes int
		if _, err := fmt.Sscanf(fromProc(path, field, ""), "%d kB", &kibibytes); err == nil {
			*to = kibibytes >> 10
		}
	}
	return now, most
}
