package main

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
)

// row is one line of the table.
type row struct {
	measure, goal, measured, absolute string
	reached                           bool
}

// report is what a run has found.
type report struct {
	rows []row
	// limits are what plain clients reached.
	limits []string
	// invalid says why the run proves nothing; empty if it does.
	invalid string
	// took is the whole run's time.
	took time.Duration
}

func (r *report) add(measure, goal string, reached bool, measured, absolute string) row {
	one := row{measure, goal, measured, absolute, reached}
	r.rows = append(r.rows, one)
	return one
}

func (r *report) markdown(at time.Time) []byte {
	var text bytes.Buffer
	fmt.Fprintf(&text, "# Benchmarks\n\n")
	fmt.Fprintf(&text, "Written by `make bench`, which measures everything anew, in %s.\n\n", r.took.Round(time.Minute))
	fmt.Fprintf(&text, "Measured on %s, on %d cores (%s) with %s, shared by the load generator, the operator, the API server and "+
		"etcd, with %s. etcd runs without fsync there, the operator's spool with it. Each part starts on a cluster "+
		"without Incidents, with an API server that has just started.\n\n",
		at.Format("2006-01-02"), runtime.NumCPU(), processor(), memory(), runtime.Version())
	if r.invalid != "" {
		fmt.Fprintf(&text, "**This run is invalid**: %s.\n\n", r.invalid)
	}
	text.WriteString("A machine's speed is no property of the operator, so what depends on it is a ratio to what plain clients reach " +
		"in the same run:\nclient-go, writing the same objects at a concurrency of 32, without rate limits and without an operator.\n\n")
	for _, limit := range r.limits {
		fmt.Fprintf(&text, "- %s\n", limit)
	}
	text.WriteString("\n| measure | goal | reached | measured | absolute |\n|---|---|---|---|---|\n")
	for _, one := range r.rows {
		reached := "yes"
		if !one.reached {
			reached = "**no**"
		}
		fmt.Fprintf(&text, "| %s | %s | %s | %s | %s |\n", one.measure, one.goal, reached, one.measured, one.absolute)
	}
	return text.Bytes()
}

// processor is the model of the processor, as Linux names it.
func processor() string { return fromProc("/proc/cpuinfo", "model name", "unknown processor") }

func memory() string {
	var kibibytes int
	if _, err := fmt.Sscanf(fromProc("/proc/meminfo", "MemTotal", ""), "%d kB", &kibibytes); err != nil {
		return "unknown memory"
	}
	return fmt.Sprintf("%d GiB", (kibibytes+1<<19)>>20)
}

func fromProc(path, field, otherwise string) string {
	content, err := os.ReadFile(path)
	if err != nil {
		return otherwise
	}
	for line := range strings.Lines(string(content)) {
		name, value, _ := strings.Cut(line, ":")
		if strings.TrimSpace(name) == field {
			return strings.TrimSpace(value)
		}
	}
	return otherwise
}
