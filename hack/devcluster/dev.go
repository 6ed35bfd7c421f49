package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/itoc360/itoc360-operator/hack/devcluster/controlplane"
)

// devFolder is all that "dev" leaves behind, in the root of the repository.
const devFolder = ".dev"

// dev runs a control plane and the operator until the context is done, which is no error.
func dev(ctx context.Context, out *terminal, wantedIntake string) (err error) {
	intake, err := intakeAddress(wantedIntake)
	if err != nil {
		return err
	}
	folder, err := makeDevFolder()
	if err != nil {
		return err
	}
	running, err := startCluster(ctx, out, intake, filepath.Join(folder, "operator.log"))
	defer func() {
		out.progress("Stopping")
		err = errors.Join(err, running.stop())
	}()
	if err == nil {
		err = writeDevKubeconfig(folder, running)
	}
	switch {
	case ctx.Err() != nil:
		return nil
	case err != nil:
		return err
	}
	if err := tellWhatToTry(out, running, intake); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return nil
	case <-running.operator.Done():
		return running.operator.Ended()
	}
}

func makeDevFolder() (string, error) {
	root, err := controlplane.Root()
	if err != nil {
		return "", err
	}
	folder := filepath.Join(root, devFolder)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return "", fmt.Errorf("make folder: %w", err)
	}
	return folder, nil
}

func writeDevKubeconfig(folder string, running *cluster) error {
	return controlplane.WriteKubeconfig(filepath.Join(folder, "kubeconfig"), running.Config)
}

func tellWhatToTry(out *terminal, running *cluster, intake string) error {
	kubectl, err := running.KubectlPath()
	if err != nil {
		return err
	}
	if root, err := controlplane.Root(); err == nil {
		if inside, ok := strings.CutPrefix(kubectl, root+string(filepath.Separator)); ok {
			kubectl = inside
		}
	}
	out.heading("The operator listens for webhooks at %s and logs to %s/operator.log. Ctrl-C ends everything.",
		externalURL(intake), devFolder)
	out.line("In another terminal, in this folder, try:\n")
	for _, command := range nextCommands(kubectl) {
		out.block(command + "\n")
	}
	out.line("")
	return nil
}

// nextCommands are three commands that begin with nothing and end with an Incident.
func nextCommands(kubectl string) []string {
	value := func(secret, key string) string {
		return fmt.Sprintf("\"$(%s get secret -n team-payments %s -o go-template='{{.data.%s | base64decode}}')\"", kubectl, secret, key)
	}
	return []string{
		fmt.Sprintf("export KUBECONFIG=%s/kubeconfig; %s apply -k config/samples", devFolder, kubectl),
		fmt.Sprintf("go run ./hack/sentrysim --url %s --secret %s issue created --id 42",
			value("payments-webhook", "url"), value("payments-sentry", "clientSecret")),
		kubectl + " get incidents -n team-payments",
	}
}
