// bench measures what the operator promises of its speed and size, on a control plane of its own, and writes docs/benchmarks.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() { os.Exit(start()) }

// start gives the exit code.
func start() int {
	flags := flag.NewFlagSet("bench", flag.ExitOnError)
	only := flags.String("only", "", "Run these parts alone, separated by commas: "+strings.Join(names(), ", ")+". Empty: all.")
	output := flags.String("output", "docs/benchmarks.md", "The file to write.")
	profiles := flags.String("profiles", "", "A folder for a profile of the operator during each load. Empty: none.")
	_ = flags.Parse(os.Args[1:])
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *only, *output, *profiles); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		return 1
	}
	return 0
}

// part is what can be measured by itself.
type part struct {
	name    string
	measure func(w *world, ctx context.Context) error
}

func parts() []part {
	return []part{
		{"size-10000", (*world).fewSize},
		{"speeds", (*world).speeds},
		{"steady", (*world).steady},
		{"burst", (*world).burst},
		{"hang", func(w *world, ctx context.Context) error {
			return w.outage(ctx, "hung", w.Hang, func(context.Context) error { return w.Resume() })
		}},
		{"kill", func(w *world, ctx context.Context) error {
			return w.outage(ctx, "killed", w.KillAPIServer, w.StartAPIServer)
		}},
		{"statuses", (*world).statuses},
		{"resync", (*world).resync},
		{"size-100000", (*world).manySize},
	}
}

func names() (names []string) {
	for _, one := range parts() {
		names = append(names, one.name)
	}
	return names
}

func run(ctx context.Context, only, output, profiles string) (err error) {
	var wanted []string
	if only != "" {
		wanted = strings.Split(only, ",")
	}
	for _, name := range wanted {
		if !slices.Contains(names(), name) {
			return fmt.Errorf("there is no part %q; there are %s", name, strings.Join(names(), ", "))
		}
	}
	began := time.Now()
	w, err := newWorld(ctx, os.Stdout)
	defer func() { err = errors.Join(err, w.end()) }()
	if err != nil {
		return err
	}
	w.profiles = profiles
	for _, one := range parts() {
		if wanted != nil && !slices.Contains(wanted, one.name) {
			continue
		}
		if err := w.run(ctx, one); err != nil {
			return fmt.Errorf("%s: %w", one.name, err)
		}
	}
	w.report.took = time.Since(began)
	return w.write(output)
}

func (w *world) run(ctx context.Context, one part) error {
	if err := w.restart(ctx); err != nil {
		return err
	}
	return one.measure(w, ctx)
}
