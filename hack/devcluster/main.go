package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	// From the first signal on, a second one ends this process at once, and its children with it.
	context.AfterFunc(ctx, stop)
	if err := newCommand(newTerminal(os.Stdout)).ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

func newCommand(out *terminal) *cobra.Command {
	root := &cobra.Command{
		Use:               "devcluster",
		Short:             "Runs the operator on a local control plane",
		SilenceUsage:      true,
		SilenceErrors:     true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	root.AddCommand(
		&cobra.Command{
			Use:   "dev",
			Short: "Runs a control plane and the operator until Ctrl-C",
			Long: "Runs a control plane and the operator until Ctrl-C, and tells what to try. Everything that it leaves is in .dev.\n" +
				intakeVariable + " says where the operator listens for webhooks (default " + defaultIntake + ").",
			Args: cobra.NoArgs,
			RunE: func(command *cobra.Command, _ []string) error {
				return dev(command.Context(), out, os.Getenv(intakeVariable))
			},
		},
		&cobra.Command{
			Use:   "demo",
			Short: "Tells the story of a few alerts and checks how it ends",
			Args:  cobra.NoArgs,
			RunE:  func(command *cobra.Command, _ []string) error { return demo(command.Context(), out) },
		},
	)
	return root
}
