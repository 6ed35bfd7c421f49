package receivers

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/itoc360/itoc360-operator/hack/devcluster/controlplane"
	"github.com/itoc360/itoc360-operator/hack/devcluster/process"
)

// Alert is an alert that an Alertmanager told of.
type Alert struct {
	// Status is firing or resolved.
	Status string
	// Labels never change.
	Labels map[string]string
	// Annotations say how things stand.
	Annotations map[string]string
}

// Alertmanager is a real Alertmanager, with a receiver that takes what it tells people. It groups by nothing, waits for
// nothing, and keeps what it knows in a folder.
type Alertmanager struct {
	// Folder is where its configuration, its data and its log are.
	Folder string
	// Unexpected takes what is no such notification.
	Unexpected Report
	// Seen, if set, is told of each alert that it tells people of.
	Seen func(Alert)

	mu       sync.Mutex
	alerts   []Alert
	address  string
	process  *process.Process
	receiver *httptest.Server
}

// alertmanagerConfig takes the URL of the receiver. Repeated notifications, of which there would be one after repeat_interval,
// are none of the operator's doing.
const alertmanagerConfig = `
route:
  receiver: people
  group_by: ["..."]
  group_wait: 100ms
  group_interval: 1s
  repeat_interval: 24h
receivers:
- name: people
  webhook_configs:
  - url: %s
    send_resolved: true
`

// startDeadline is how long an Alertmanager may take until it is ready.
const startDeadline = 30 * time.Second

// Start starts it on a free port of this machine.
func (a *Alertmanager) Start() error {
	a.receiver = httptest.NewServer(http.HandlerFunc(a.receive))
	config := fmt.Sprintf(alertmanagerConfig, a.receiver.URL)
	if err := os.WriteFile(filepath.Join(a.Folder, "alertmanager.yaml"), []byte(config), 0o600); err != nil {
		return fmt.Errorf("write Alertmanager's configuration: %w", err)
	}
	var err error
	if a.address, err = controlplane.FreeAddress(); err != nil {
		return err
	}
	return a.run()
}

// URL is where it takes alerts.
func (a *Alertmanager) URL() string { return "http://" + a.address }

// Alerts are those that it told people of, in the order of their arrival.
func (a *Alertmanager) Alerts() []Alert {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.alerts)
}

// Kill ends it without warning: what it has not written down it forgets.
func (a *Alertmanager) Kill() error {
	if err := a.process.Signal(syscall.SIGKILL); err != nil {
		return err
	}
	<-a.process.Done()
	return nil
}

// Restart starts it again after Kill, where it was.
func (a *Alertmanager) Restart() error { return a.run() }

// Stop ends it.
func (a *Alertmanager) Stop() error {
	defer a.receiver.Close()
	return a.process.Stop(startDeadline)
}

func (a *Alertmanager) run() error {
	path, err := controlplane.Binary("alertmanager")
	if err != nil {
		return err
	}
	a.process, err = process.Start(process.Command{
		Path: path, Log: filepath.Join(a.Folder, "alertmanager.log"),
		Args: []string{
			"--config.file=" + filepath.Join(a.Folder, "alertmanager.yaml"), "--storage.path=" + filepath.Join(a.Folder, "data"),
			"--web.listen-address=" + a.address, "--cluster.listen-address=", "--log.level=debug",
		},
	})
	if err != nil {
		return err
	}
	return a.waitUntilReady()
}

func (a *Alertmanager) waitUntilReady() error {
	deadline := time.After(startDeadline)
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-a.process.Done():
			return a.process.Ended()
		case <-deadline:
			return fmt.Errorf("Alertmanager is not ready after %s; the end of its log:\n%s", startDeadline, a.process.Tail(10))
		case <-ticker.C:
			if response, err := http.Get(a.URL() + "/-/ready"); err == nil {
				_ = response.Body.Close()
				if response.StatusCode == http.StatusOK {
					return nil
				}
			}
		}
	}
}

func (a *Alertmanager) receive(w http.ResponseWriter, r *http.Request) {
	var notification struct{ Alerts []Alert }
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxRequest)).Decode(&notification); err != nil {
		a.Unexpected("Alertmanager's receiver: %v", err)
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	a.mu.Lock()
	a.alerts = append(a.alerts, notification.Alerts...)
	a.mu.Unlock()
	for _, alert := range notification.Alerts {
		if a.Seen != nil {
			a.Seen(alert)
		}
	}
}
