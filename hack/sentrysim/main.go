package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := newCommand(time.Now, os.Getenv).ExecuteContext(ctx)
	stop()
	if err != nil {
		os.Exit(1)
	}
}
