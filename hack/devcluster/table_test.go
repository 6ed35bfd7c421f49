package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

func TestEqualTablesAreEqualInAnyOrder(t *testing.T) {
	shuffled := slices.Clone(ending)
	slices.Reverse(shuffled)
	if err := compareTables(ending, shuffled); err != nil {
		t.Error(err)
	}
	if err := compareTables(nil, nil); err != nil {
		t.Errorf("empty: %v", err)
	}
}

func TestAWrongTableIsSeenAndShown(t *testing.T) {
	for name, test := range map[string]struct {
		spoil func([]row) []row
		want  []string
	}{
		"another state": {
			func(table []row) []row { table[0].state = v1alpha1.StateOpen; return table },
			[]string{"- payments-1170820242-1          1  Resolved      High", "+ payments-1170820242-1          1  Open          High"},
		},
		"another priority": {
			func(table []row) []row { table[2].priority = v1alpha1.PriorityLow; return table },
			[]string{"- payments-m9001-1               1  Resolved      Critical", "+ payments-m9001-1               1  Resolved      Low"},
		},
		"another number": {
			func(table []row) []row { table[1].number = 7; return table },
			[]string{"- payments-1170820242-2          2", "+ payments-1170820242-2          7"},
		},
		"an Incident is missing": {
			func(table []row) []row { return table[1:] },
			[]string{"- payments-1170820242-1"},
		},
		"an Incident too many": {
			func(table []row) []row {
				return append(table, row{"payments-1170820242-3", 3, v1alpha1.StateOpen, v1alpha1.PriorityHigh})
			},
			[]string{"+ payments-1170820242-3"},
		},
		"an Incident twice": {
			func(table []row) []row { return append(table, table[0]) },
			[]string{"payments-1170820242-1"},
		},
		"no Incident at all": {
			func([]row) []row { return nil },
			[]string{"- payments-1170820242-1", "- payments-m9001-1", "- search-1170820242-1"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			err := compareTables(ending, test.spoil(slices.Clone(ending)))
			if err == nil {
				t.Fatal("not seen")
			}
			for _, line := range append(test.want, tableHeader) {
				if !strings.Contains(err.Error(), line) {
					t.Errorf("%q is not in\n%s", line, err)
				}
			}
		})
	}
}

func TestRowsThatAreRightAreShownWithoutAMark(t *testing.T) {
	err := compareTables(ending, ending[1:])
	if err == nil || !strings.Contains(err.Error(), "\n  payments-m9001-1 ") {
		t.Errorf("error: %v", err)
	}
}
