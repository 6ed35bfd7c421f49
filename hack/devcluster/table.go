package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

// row is what the demo promises of one Incident.
type row struct {
	name     string
	number   int32
	state    v1alpha1.IncidentState
	priority v1alpha1.Priority
}

// String shows a row on one line.
func (r row) String() string {
	return fmt.Sprintf("%-24s  %6d  %-12s  %s", r.name, r.number, r.state, r.priority)
}

// tableHeader stands above rows.
const tableHeader = "NAME                      NUMBER  STATE         PRIORITY"

// readTable reads all Incidents of a namespace.
func readTable(ctx context.Context, reader client.Reader, namespace string) ([]row, error) {
	var incidents v1alpha1.IncidentList
	if err := reader.List(ctx, &incidents, client.InNamespace(namespace)); err != nil {
		return nil, fmt.Errorf("list Incidents: %w", err)
	}
	var table []row
	for _, incident := range incidents.Items {
		table = append(table, row{
			name:     incident.Name,
			number:   incident.Spec.Number,
			state:    incident.Status.State,
			priority: incident.Spec.Priority,
		})
	}
	return table, nil
}

// compareTables returns an error that shows how two tables differ, if they do. The order of rows does not matter.
func compareTables(want, got []row) error {
	var difference strings.Builder
	same := true
	for _, line := range merge(want, got) {
		wanted, there := slices.Contains(want, line), slices.Contains(got, line)
		mark := ' '
		switch {
		case !there:
			mark, same = '-', false
		case !wanted:
			mark, same = '+', false
		}
		fmt.Fprintf(&difference, "\n%c %s", mark, line)
	}
	if same && len(want) == len(got) {
		return nil
	}
	return fmt.Errorf("the Incidents are not those expected (- expected, + found):\n  %s%s", tableHeader, difference.String())
}

// merge is all rows of both tables by name, each once.
func merge(want, got []row) []row {
	rows := slices.Concat(want, got)
	slices.SortStableFunc(rows, func(a, b row) int { return cmp.Compare(a.name, b.name) })
	return slices.Compact(rows)
}
