package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

const (
	steadyRate, steadyTime = 200, 60 * time.Second
	plainSteadyTime        = 30 * time.Second
	burstSize              = 20_000
	outageTime             = 60 * time.Second
	outageIssues           = 5000
	// outagePatience is for what is measured, not promised.
	outagePatience    = 10 * time.Minute
	statusRate        = 50
	statusTime        = 30 * time.Second
	burstConnections  = 256
	outageGoal        = time.Minute
	settledPatience   = 15 * time.Minute
	slowestInBurst    = 700 * time.Millisecond
	slowestInOutage   = time.Second
	p99InOutage       = 100 * time.Millisecond
	p99OfSteady       = 60 * time.Millisecond
	p99OfStatus       = time.Second
	settledQuietLooks = 3
)

// steady posts new issues at a rate that an outage has.
func (w *world) steady(ctx context.Context) error {
	w.progress("%d new issues a second for %s", steadyRate, steadyTime)
	first, wires := w.newIssues(steadyRate * int(steadyTime.Seconds()))
	answers, err := w.openLoop(ctx, steadyRate, len(wires), each(first, wires))
	if err != nil {
		return err
	}
	if err := w.settled(ctx); err != nil {
		return err
	}
	plain, err := w.plainAtSteadyRate(ctx, first)
	if err != nil {
		return err
	}
	p99 := answers.quantile(.99)
	w.add("p99 answer, 200 new issues a second for 60 s", "at most 60 ms", p99 <= p99OfSteady && answers.refused() == 0,
		round(p99).String(), fmt.Sprintf("p50 %s, slowest %s; %.0f a second; %.1f %% from the spool; "+
			"plain creates at that rate: p99 %s, p50 %s, slowest %s",
			round(answers.quantile(.5)), round(answers.quantile(1)), answers.aSecond(), 100*answers.accepted(),
			round(plain.quantile(.99)), round(plain.quantile(.5)), round(plain.quantile(1))))
	return nil
}

// plainAtSteadyRate tells what of an answer's time is the API server's.
func (w *world) plainAtSteadyRate(ctx context.Context, issue int) (posts, error) {
	like, err := w.get(ctx, issue)
	if err != nil {
		return posts{}, err
	}
	if err := w.stopOperator(time.Minute); err != nil {
		return posts{}, err
	}
	w.progress("Plain creates at that rate, no operator, %s", plainSteadyTime)
	return plainlyAt(ctx, w.client, like, steadyRate, plainSteadyTime)
}

// burst posts new issues as fast as they are taken.
func (w *world) burst(ctx context.Context) error {
	w.progress("A burst of %d new issues", burstSize)
	first, wires := w.newIssues(burstSize)
	answers, err := w.closedLoop(ctx, burstConnections, each(first, wires))
	if err != nil {
		return err
	}
	ended := time.Now()
	if err := w.right(ctx, outagePatience); err != nil {
		return err
	}
	slowest := answers.quantile(1)
	w.add("slowest answer in a burst of 20,000 new issues as fast as 256 connections can, none refused", "under 700 ms",
		slowest < slowestInBurst && answers.refused() == 0, round(slowest).String(),
		fmt.Sprintf("%.0f a second; p99 %s; %d refused; all recorded %s later",
			answers.aSecond(), round(answers.quantile(.99)), answers.refused(), time.Since(ended).Round(time.Second)))
	return w.settled(ctx)
}

// outage posts while the API server is away.
func (w *world) outage(ctx context.Context, how string, begin func() error, end func(context.Context) error) error {
	first, wires := w.newIssues(outageIssues)
	perIssue := burstSize / outageIssues
	w.progress("The API server %s for %s, %d webhooks of %d issues meanwhile", how, outageTime, burstSize, outageIssues)
	if err := begin(); err != nil {
		return err
	}
	over := time.NewTimer(outageTime)
	answers, err := w.closedLoop(ctx, burstConnections, func(number int) (int, []byte) {
		if number >= perIssue*len(wires) {
			return 0, nil
		}
		return roundRobin(first, wires)(number)
	})
	if err != nil {
		return err
	}
	<-over.C
	if err := end(ctx); err != nil {
		return err
	}
	back := time.Now()
	if err := w.right(ctx, outagePatience); err != nil {
		return err
	}
	right := time.Since(back)
	if err := w.settled(ctx); err != nil {
		return err
	}
	statuses := time.Since(back)
	p99, slowest := answers.quantile(.99), answers.quantile(1)
	w.add(fmt.Sprintf("API server %s for 60 s while 20,000 webhooks of 5,000 issues arrive over 256 connections, none refused", how),
		"p99 at most 100 ms, slowest under 1 s; all right within 60 s of its return",
		p99 <= p99InOutage && slowest < slowestInOutage && right <= outageGoal && answers.refused() == 0,
		fmt.Sprintf("p99 %s, slowest %s; all right after %s", round(p99), round(slowest), right.Round(time.Second)),
		fmt.Sprintf("%.0f a second; %d refused; statuses right after %s",
			answers.aSecond(), answers.refused(), statuses.Round(time.Second)))
	return nil
}

// right waits until each webhook of a source that was answered 200 so far is in its Incident, once.
func (w *world) right(ctx context.Context, patience time.Duration) error {
	return eventually(ctx, patience, func() (bool, error) {
		if err := w.allThere(ctx); err != nil {
			return false, err
		}
		found, err := w.incidents(ctx)
		if err != nil {
			return false, err
		}
		wrong := 0
		var one error
		for issue, want := range w.taken {
			incident := found[v1alpha1.IssueKey(issueID(issue))]
			switch {
			case incident == nil:
				wrong, one = wrong+1, fmt.Errorf("issue %d is missing", issue)
			case incident.Spec.SignalCount != want:
				wrong, one = wrong+1, fmt.Errorf("%s has %d signals of %d", incident.Name, incident.Spec.SignalCount, want)
			}
		}
		if wrong > 0 {
			return false, fmt.Errorf("%d of %d issues are not right: %w", wrong, len(w.taken), one)
		}
		return true, nil
	})
}

// settled waits until all is right, and each status speaks of its spec.
func (w *world) settled(ctx context.Context) error {
	if err := w.right(ctx, settledPatience); err != nil {
		return err
	}
	quiet := 0
	return eventually(ctx, settledPatience, func() (bool, error) {
		found, err := w.incidents(ctx)
		if err != nil {
			return false, err
		}
		for _, incident := range found {
			if incident.Status.ObservedGeneration != incident.Generation {
				quiet = 0
				return false, fmt.Errorf("the status of %s is behind", incident.Name)
			}
		}
		quiet++
		return quiet >= settledQuietLooks, nil
	})
}

// statuses measures how soon a status follows its answer.
func (w *world) statuses(ctx context.Context) error {
	w.progress("Statuses, at %d new issues a second for %s", statusRate, statusTime)
	first, wires := w.newIssues(statusRate * int(statusTime.Seconds()))
	watching, stop := context.WithCancel(ctx)
	defer stop()
	seen, err := w.watchStatuses(watching)
	if err != nil {
		return err
	}
	answers, err := w.openLoop(ctx, statusRate, len(wires), each(first, wires))
	if err != nil {
		return err
	}
	if err := w.settled(ctx); err != nil {
		return err
	}
	behind := posts{}
	for _, one := range answers.all {
		key := v1alpha1.IssueKey(issueID(one.issue))
		if at, ok := seen.at(key); ok {
			behind.all = append(behind.all, post{took: max(at.Sub(one.at.Add(one.took)), 0)})
		}
	}
	if len(behind.all) != len(answers.all) {
		return fmt.Errorf("the status of %d of %d issues was seen", len(behind.all), len(answers.all))
	}
	p99 := behind.quantile(.99)
	w.add("from answer to status.observedGeneration caught up, at 50 new issues a second", "p99 at most 1 s", p99 <= p99OfStatus,
		"p99 "+round(p99).String(), fmt.Sprintf("p50 %s, slowest %s", round(behind.quantile(.5)), round(behind.quantile(1))))
	return nil
}

// statusTimes are when each alert's status was first seen to speak of its spec.
type statusTimes struct {
	mu    sync.Mutex
	times map[v1alpha1.AlertKey]time.Time
}

func (s *statusTimes) at(key v1alpha1.AlertKey) (time.Time, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, ok := s.times[key]
	return at, ok
}

func (w *world) watchStatuses(ctx context.Context) (*statusTimes, error) {
	var list v1alpha1.IncidentList
	if err := w.client.List(ctx, &list, client.InNamespace(namespace), client.Limit(1)); err != nil {
		return nil, fmt.Errorf("list Incidents: %w", err)
	}
	watcher, err := w.client.Watch(ctx, &v1alpha1.IncidentList{}, client.InNamespace(namespace),
		&client.ListOptions{Raw: &metav1.ListOptions{ResourceVersion: list.ResourceVersion}})
	if err != nil {
		return nil, fmt.Errorf("watch Incidents: %w", err)
	}
	seen := &statusTimes{times: map[v1alpha1.AlertKey]time.Time{}}
	go func() {
		for event := range watcher.ResultChan() {
			incident, ok := event.Object.(*v1alpha1.Incident)
			if !ok || event.Type == watch.Deleted || incident.Status.ObservedGeneration != incident.Generation {
				continue
			}
			seen.mu.Lock()
			if _, known := seen.times[incident.Spec.AlertKey]; !known {
				seen.times[incident.Spec.AlertKey] = time.Now()
			}
			seen.mu.Unlock()
		}
	}()
	return seen, nil
}
