package lifecycle

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

// rosterWith is a schedule of ada, bob and cid in Berlin with some layers. Their channels have their names with an x.
func rosterWith(layers ...v1alpha1.OnCallLayer) *v1alpha1.OnCallScheduleSpec {
	spec := &v1alpha1.OnCallScheduleSpec{TimeZone: "Europe/Berlin", Layers: layers}
	for _, name := range []string{"ada", "bob", "cid"} {
		member := v1alpha1.OnCallMember{Name: name, ChannelRef: v1alpha1.ChannelReference{Name: name + "x"}}
		spec.Members = append(spec.Members, member)
	}
	return spec
}

// weekly begins on a Monday.
func weekly(members ...string) v1alpha1.OnCallLayer {
	return v1alpha1.OnCallLayer{Name: "weekly", Members: members, Every: v1alpha1.RotationWeek, StartsOn: "2026-01-05", HandOver: "09:00"}
}

func daily(members ...string) v1alpha1.OnCallLayer {
	layer := weekly(members...)
	layer.Name, layer.Every = "daily", v1alpha1.RotationDay
	return layer
}

func during(layer v1alpha1.OnCallLayer, from, until string, days ...v1alpha1.Weekday) v1alpha1.OnCallLayer {
	layer.Hours = &v1alpha1.OnCallHours{Days: days, From: from, Until: until}
	return layer
}

// berlin reads a local time, such as 2026-01-05 09:00.
func berlin(t rapid.TB, text string) time.Time {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	at, err := time.ParseInLocation("2006-01-02 15:04", text, zone)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestWhoIsOnCall(t *testing.T) {
	holiday := rosterWith(weekly("ada", "bob"))
	for _, override := range []struct{ member, from, until string }{
		{"cid", "2026-01-06 12:00", "2026-01-08 12:00"}, {"bob", "2026-01-07 00:00", "2026-01-07 06:00"},
	} {
		holiday.Overrides = append(holiday.Overrides, v1alpha1.OnCallOverride{
			Member: override.member, From: metav1.NewTime(berlin(t, override.from)), Until: metav1.NewTime(berlin(t, override.until)),
		})
	}
	nights := rosterWith(weekly("ada"), during(daily("bob", "cid"), "18:00", "08:00"))
	office := rosterWith(during(weekly("ada"), "09:00", "17:00", "Monday", "Friday"))
	for name, c := range map[string]struct {
		spec          *v1alpha1.OnCallScheduleSpec
		at            string
		member, until string
	}{
		"the first turn":                         {rosterWith(weekly("ada", "bob")), "2026-01-05 09:00", "ada", "2026-01-12 09:00"},
		"just before it":                         {rosterWith(weekly("ada", "bob")), "2026-01-05 08:59", "", "2026-01-05 09:00"},
		"the end of a turn":                      {rosterWith(weekly("ada", "bob")), "2026-01-12 08:59", "ada", "2026-01-12 09:00"},
		"the next turn":                          {rosterWith(weekly("ada", "bob")), "2026-01-12 09:00", "bob", "2026-01-19 09:00"},
		"and around again":                       {rosterWith(weekly("ada", "bob")), "2026-01-19 09:00", "ada", "2026-01-26 09:00"},
		"one member alone":                       {rosterWith(weekly("ada")), "2026-05-05 09:00", "ada", ""},
		"days":                                   {rosterWith(daily("ada", "bob", "cid")), "2026-01-07 10:00", "cid", "2026-01-08 09:00"},
		"a day of 23 hours":                      {rosterWith(daily("ada", "bob")), "2026-03-29 08:59", "ada", "2026-03-29 09:00"},
		"after the clocks went ahead":            {rosterWith(daily("ada", "bob")), "2026-03-29 09:00", "bob", "2026-03-30 09:00"},
		"after the clocks went back":             {rosterWith(daily("ada", "bob")), "2026-10-25 09:00", "bob", "2026-10-26 09:00"},
		"a later layer, at night":                {nights, "2026-01-05 18:00", "bob", "2026-01-06 08:00"},
		"an earlier layer, by day":               {nights, "2026-01-06 08:00", "ada", "2026-01-06 18:00"},
		"the next night's turn":                  {nights, "2026-01-07 03:00", "cid", "2026-01-07 08:00"},
		"within hours":                           {office, "2026-01-09 16:59", "ada", "2026-01-09 17:00"},
		"on another day":                         {office, "2026-01-06 12:00", "", "2026-01-09 09:00"},
		"an override":                            {holiday, "2026-01-06 12:00", "cid", "2026-01-07 00:00"},
		"an override of an override":             {holiday, "2026-01-07 00:00", "bob", "2026-01-07 06:00"},
		"after an override":                      {holiday, "2026-01-08 12:00", "ada", "2026-01-12 09:00"},
		"an override ends in whoever was before": {holiday, "2026-01-06 11:59", "ada", "2026-01-06 12:00"},
	} {
		t.Run(name, func(t *testing.T) {
			duty, err := OnDuty(c.spec, berlin(t, c.at))
			until := time.Time{}
			if c.until != "" {
				until = berlin(t, c.until)
			}
			channel := ""
			if c.member != "" {
				channel = c.member + "x"
			}
			if err != nil || duty.Member != c.member || duty.Channel != channel || !duty.Until.Equal(until) {
				t.Errorf("on call is %+v, %v", duty, err)
			}
		})
	}
}

func TestAnHourThatClocksLeaveOutOrRepeatHandsOverOnce(t *testing.T) {
	layer := daily("ada", "bob")
	layer.HandOver = "02:30"
	spec := rosterWith(layer)
	for _, day := range []string{"2026-03-29 00:00", "2026-10-25 00:00"} {
		changes, last := 0, ""
		for at := berlin(t, day); at.Before(berlin(t, day).Add(8 * time.Hour)); at = at.Add(time.Minute) {
			duty, err := OnDuty(spec, at)
			if err != nil {
				t.Fatal(err)
			}
			if last != "" && duty.Member != last {
				changes++
			}
			last = duty.Member
		}
		if changes != 1 {
			t.Errorf("on %s it is handed over %d times", day, changes)
		}
	}
}

func TestAScheduleThatCannotBeReadSaysWhy(t *testing.T) {
	zone, date := rosterWith(weekly("ada")), rosterWith(weekly("ada"))
	zone.TimeZone, date.Layers[0].StartsOn = "Europe/Atlantis", "soon"
	for want, spec := range map[string]*v1alpha1.OnCallScheduleSpec{
		`no time zone "Europe/Atlantis"`:         zone,
		`layer weekly starts on no date: "soon"`: date,
	} {
		if _, err := OnDuty(spec, stormStart); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, not %s", err, want)
		}
	}
}

func TestADutyLastsUntilItsEndAndNotLonger(t *testing.T) {
	days := []v1alpha1.Weekday{"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"}
	clock := rapid.StringMatching(`([01][0-9]|2[0-3]):[0-5][0-9]`)
	rapid.Check(t, func(t *rapid.T) {
		layers := []v1alpha1.OnCallLayer{weekly("ada", "bob"), daily("bob", "cid", "ada")}
		for i := range layers {
			layers[i].HandOver = clock.Draw(t, "handOver")
			if rapid.Bool().Draw(t, "restricted") {
				some := rapid.SliceOfNDistinct(rapid.SampledFrom(days), 0, 7, rapid.ID).Draw(t, "days")
				layers[i] = during(layers[i], clock.Draw(t, "from"), clock.Draw(t, "until"), some...)
			}
		}
		spec := rosterWith(layers...)
		now := berlin(t, "2026-03-20 00:00").Add(time.Duration(rapid.IntRange(0, 60*24*300).Draw(t, "minute")) * time.Minute)
		duty, err := OnDuty(spec, now)
		if err != nil {
			t.Fatal(err)
		}
		end := duty.Until
		if end.IsZero() {
			end = now.Add(14 * 24 * time.Hour)
		}
		for range 20 {
			within := now.Add(time.Duration(rapid.Int64Range(0, int64(end.Sub(now))-1).Draw(t, "within")))
			if other, _ := OnDuty(spec, within); other.Member != duty.Member {
				t.Fatalf("at %s it is %q, not %q until %s", within, other.Member, duty.Member, duty.Until)
			}
		}
		if other, _ := OnDuty(spec, duty.Until); !duty.Until.IsZero() && other.Member == duty.Member {
			t.Fatalf("at its end, %s, it is still %q", duty.Until, duty.Member)
		}
	})
}

// onCallStep tells whoever is on call by a schedule.
func onCallStep(name string, after int, schedule string) v1alpha1.EscalationStep {
	on := step(name, after)
	on.Notify = []v1alpha1.Recipient{{ScheduleRef: &v1alpha1.ScheduleReference{Name: schedule}}}
	return on
}

func TestAStepTellsWhoeverIsOnCallWhenItIsTaken(t *testing.T) {
	w := newWorld(repeated(policyOf(onCallStep("on-call", 0, "rota")), 1, 30))
	w.onCall = map[string]Duty{"rota": {Member: "ada", Channel: "ada"}}
	w.look().deliver()
	w.onCall = map[string]Duty{"rota": {Member: "bob", Channel: "bob"}}
	w.lookAt(20).deliver().expect(t, "Page ada")
	w.lookAt(30).deliver().expect(t, "Page ada, Page bob")
	w.heard(resolve(at(31))).deliver().expect(t, "Page ada, Page bob, Resolved ada, Resolved bob")
}

func TestAStepWithNobodyOnCallWaitsAndBringsTheNextForward(t *testing.T) {
	w := newWorld(policyOf(onCallStep("on-call", 0, "rota"), step("team", 10, "slack")))
	w.onCall = map[string]Duty{"rota": {Until: at(5)}}
	w.look()
	w.expectNotified(t, v1alpha1.ReasonNobodyOnCall)
	w.deliver().expect(t, "Page slack")
	w.expectNext(t, 5)
	w.onCall = map[string]Duty{"rota": {Member: "ada", Channel: "ada"}}
	w.lookAt(5).deliver().expect(t, "Page slack, Page ada")
}

func TestAScheduleThatIsNotThereHasNobodyOnCall(t *testing.T) {
	w := newWorld(policyOf(onCallStep("on-call", 0, "rota"))).look()
	w.expectNotified(t, v1alpha1.ReasonNobodyOnCall)
	if !strings.Contains(w.last.Notified.Message, "rota") {
		t.Errorf("it says %q", w.last.Notified.Message)
	}
}

func TestOneChannelIsToldOnceThoughItIsNamedTwice(t *testing.T) {
	both := step("all", 0, "slack")
	both.Notify = append(both.Notify, onCallStep("", 0, "rota").Notify...)
	w := newWorld(policyOf(both))
	w.onCall = map[string]Duty{"rota": {Member: "ada", Channel: "slack"}}
	w.look().deliver().expect(t, "Page slack")
}
