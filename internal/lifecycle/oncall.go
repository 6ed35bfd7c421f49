package lifecycle

import (
	"fmt"
	"slices"
	"time"

	// The image has no time zones of its own.
	_ "time/tzdata"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

const (
	// lookAhead is how far ahead the end of a duty is looked for.
	lookAhead = 366 * 24 * time.Hour
	// maxBoundaries bounds how many moments are looked at for that.
	maxBoundaries = 2000
)

// Duty is who is on call at a moment.
type Duty struct {
	// Member by name; empty if nobody is on call.
	Member string
	// Channel reaches the member.
	Channel string
	// Until is when it is somebody else, or nobody; zero if not within a year.
	Until time.Time
}

// OnDuty says who is on call at a moment. An error says what the schedule lacks: its time zone or a date is none.
func OnDuty(spec *v1alpha1.OnCallScheduleSpec, now time.Time) (Duty, error) {
	roster, err := rosterOf(spec)
	if err != nil {
		return Duty{}, err
	}
	duty := Duty{Member: roster.at(now)}
	for _, member := range spec.Members {
		if member.Name == duty.Member {
			duty.Channel = member.ChannelRef.Name
		}
	}
	moment := now
	for range maxBoundaries {
		moment = roster.boundaryAfter(moment)
		if moment.IsZero() || moment.Sub(now) > lookAhead {
			break
		}
		if roster.at(moment) != duty.Member {
			duty.Until = moment
			break
		}
	}
	return duty, nil
}

// roster is a schedule whose texts are read.
type roster struct {
	zone      *time.Location
	layers    []layer
	overrides []v1alpha1.OnCallOverride
}

type layer struct {
	members []string
	days    int
	start   time.Time
	// handOver, from and until are minutes since midnight.
	handOver, from, until int
	isRestricted          bool
	weekdays              []v1alpha1.Weekday
}

func rosterOf(spec *v1alpha1.OnCallScheduleSpec) (*roster, error) {
	zone, err := time.LoadLocation(spec.TimeZone)
	if err != nil || spec.TimeZone == "Local" {
		return nil, fmt.Errorf("the IANA database has no time zone %q", spec.TimeZone)
	}
	r := &roster{zone: zone, overrides: spec.Overrides}
	for _, from := range spec.Layers {
		start, err := time.ParseInLocation(time.DateOnly, from.StartsOn, zone)
		if err != nil {
			return nil, fmt.Errorf("layer %s starts on no date: %q", from.Name, from.StartsOn)
		}
		l := layer{members: from.Members, days: 7, start: start, handOver: minutesOf(from.HandOver)}
		if from.Every == v1alpha1.RotationDay {
			l.days = 1
		}
		if from.Hours != nil {
			l.isRestricted, l.weekdays = true, from.Hours.Days
			l.from, l.until = minutesOf(from.Hours.From), minutesOf(from.Hours.Until)
		}
		r.layers = append(r.layers, l)
	}
	return r, nil
}

// minutesOf reads a time of day, such as 09:00. The API server has seen to its form.
func minutesOf(text string) int {
	at, err := time.Parse("15:04", text)
	if err != nil {
		return 0
	}
	return at.Hour()*60 + at.Minute()
}

// at is who is on call at a moment; empty: nobody.
func (r *roster) at(moment time.Time) string {
	for _, override := range slices.Backward(r.overrides) {
		if !moment.Before(override.From.Time) && moment.Before(override.Until.Time) {
			return override.Member
		}
	}
	for _, layer := range slices.Backward(r.layers) {
		if member := layer.at(moment.In(r.zone)); member != "" {
			return member
		}
	}
	return ""
}

// at is whose turn it is at a local time, if the layer covers it. Turns are counted in calendar days, so that a day of 23 or 25
// hours is one.
func (l layer) at(local time.Time) string {
	if l.isRestricted && !l.isWithinHours(local) {
		return ""
	}
	turn := daysBetween(l.start, local)
	if local.Before(clockTime(local, 0, l.handOver)) {
		turn--
	}
	if turn < 0 {
		return ""
	}
	return l.members[turn/l.days%len(l.members)]
}

// isWithinHours tells whether a local time is within the hours that began on its day, or on the day before.
func (l layer) isWithinHours(local time.Time) bool {
	for _, day := range []int{0, -1} {
		from, until := clockTime(local, day, l.from), clockTime(local, day, l.until)
		if l.until <= l.from {
			until = clockTime(local, day+1, l.until)
		}
		weekday := v1alpha1.Weekday(clockTime(local, day, l.from).Weekday().String())
		isDay := len(l.weekdays) == 0 || slices.Contains(l.weekdays, weekday)
		if isDay && !local.Before(from) && local.Before(until) {
			return true
		}
	}
	return false
}

// boundaryAfter is the first moment after another at which somebody else may be on call; zero: there is none.
func (r *roster) boundaryAfter(moment time.Time) time.Time {
	var first time.Time
	consider := func(at time.Time) {
		if at.After(moment) && (first.IsZero() || at.Before(first)) {
			first = at
		}
	}
	for _, override := range r.overrides {
		consider(override.From.Time)
		consider(override.Until.Time)
	}
	local := moment.In(r.zone)
	for _, layer := range r.layers {
		consider(clockTime(layer.start, 0, layer.handOver))
		for day := range 3 {
			consider(clockTime(local, day, layer.handOver))
			if layer.isRestricted {
				consider(clockTime(local, day, layer.from))
				consider(clockTime(local, day, layer.until))
			}
		}
	}
	return first
}

// clockTime is when clocks show a time of day, some days after a local date. A time that a change of clocks leaves out is
// what they show instead; of one that comes twice it is the first.
func clockTime(local time.Time, days, minutes int) time.Time {
	year, month, day := local.Date()
	return time.Date(year, month, day+days, minutes/60, minutes%60, 0, 0, local.Location())
}

// daysBetween is how many calendar days lie between two local times.
func daysBetween(from, to time.Time) int {
	midnight := func(local time.Time) time.Time {
		year, month, day := local.Date()
		return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
	}
	return int(midnight(to).Sub(midnight(from)) / (24 * time.Hour))
}
