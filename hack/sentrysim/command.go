package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
)

const long = `Plays Sentry: signs a webhook and posts it, and prints one line for each answer,
such as "200 opened team-payments/payments-42-1". It ends with 1 unless every
answer was a success. In the repository, go run ./hack/sentrysim starts it.

Resources and their actions:

  issue           created, assigned, unresolved, resolved, ignored (what Sentry
                  sends for archived)
  event_alert     triggered
  activity_alert  the activity: status_resolved, status_regression,
                  status_escalating, status_ignored, ...
  metric_alert    critical, warning, open, resolved
  installation    created, deleted

Any other resource is posted with next to nothing in it. For an issue, "null" is
sent as null, and what is "absent" is left out.`

const example = `  export SENTRYSIM_URL='http://127.0.0.1:9292/functions/v1/events?token=...'
  export SENTRYSIM_SECRET='the Client Secret'

  sentrysim issue created --id 42 --title 'Payments are down' --priority high
  sentrysim event_alert triggered --id 42 --rule 'Page the on-call'
  sentrysim issue assigned --id 42 --assignee 'Jane Doe'
  sentrysim issue resolved --id 42
  sentrysim issue unresolved --id 42 --at 2026-09-01T10:15:30Z
  sentrysim metric_alert critical --id 9001 --project checkout,ledger
  sentrysim event_alert triggered --sample
  sentrysim issue created --id 43 --wrong-signature`

// newCommand makes the command. Clock and environment are handed in; the
// environment is asked late, since the help prints the defaults of flags.
func newCommand(clock func() time.Time, environment func(string) string) *cobra.Command {
	o := &options{clock: clock}
	command := &cobra.Command{
		Use:          "sentrysim <resource> <action>",
		Short:        "Plays Sentry: signs a webhook and posts it",
		Long:         long,
		Example:      example,
		Args:         resourceAndAction,
		SilenceUsage: true,
		RunE: func(command *cobra.Command, args []string) error {
			o.complete(environment)
			return o.run(command.Context(), command.OutOrStdout(), args[0], args[1])
		},
	}
	o.addFlags(command.Flags())
	return command
}

// resourceAndAction does not repeat the arguments: one may be the URL.
func resourceAndAction(_ *cobra.Command, args []string) error {
	if len(args) != 2 || args[0] == "" || args[1] == "" {
		return errors.New("a resource and an action are needed, such as: sentrysim issue created; see --help")
	}
	return nil
}

// run posts as often as asked for, and goes on after an answer that is no
// success.
func (o *options) run(ctx context.Context, out io.Writer, resource, action string) error {
	client, err := o.client()
	if err != nil {
		return err
	}
	refused := 0
	for range o.count {
		webhook, err := o.webhook(resource, action)
		if err != nil {
			return err
		}
		answer, err := client.Post(ctx, webhook)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintln(out, answer); err != nil {
			return fmt.Errorf("print answer: %w", err)
		}
		if !answer.OK() {
			refused++
		}
	}
	if refused > 0 {
		return fmt.Errorf("%d of %d webhooks did not arrive", refused, o.count)
	}
	return nil
}
