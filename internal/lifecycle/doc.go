// Package lifecycle is the brain of the operator: values in, decisions out. It has no client, no context, no clock and
// no log; time is handed in.
//
// Route judges one signal against the latest Incident of its alert key, once, and writes its judgement down as the
// signal's effect. Fold replays the effects and the responders' response into a status. Expire says which Incidents
// have outlived their use.
//
//	                              a Resolve not older than the newest Alert; silence; by hand
//	             Alert                                         │
//	(none) ────────────────▶ Open ─────────────────────────────┴─────────▶ Resolved
//	   ▲                     │  ▲ ▲                            ▲            │  │ │
//	   │        acknowledge, │  │ └─ Alert within reopenWindow ┼────────────┘  │ │
//	   │        snooze       │  │    (a further cycle)         │               │ │
//	   │                     ▼  │ taken back; snooze over      │               │ │
//	   │            Acknowledged, Snoozed ─────────────────────┘               │ │
//	   │                                                                       │ │
//	   │                     Open, number + 1 ◀────────────────────────────────┘ │
//	   │                       Alert newer than every Resolve heard, otherwise   │
//	   └─────────────────────────────────────────────────────────────────────────┘
//	     retention
//
// What takes an acknowledgement back is its responder or, of one that came by a source's mapping, the next
// unresolved. Against a person's word only a regression counts. A further cycle needs one of the eight to be left, and
// that no person resolved the last one.
//
// Within one alert key the question "is it open" has the same answer for every order of arrival: it is open exactly if
// the newest Alert is newer than the newest Resolve. A late signal, older than what already decided, is recorded and
// changes nothing. Where two times are equal, what is recorded later counts as the newer, except for an orphaned Resolve that is judged
// again: there the later arrival does.
//
// Two ends of a cycle have no place in Sentry's time. A resolve by hand is compared with the arrival of Alerts: one that
// arrives later opens the next Incident, unless it is older than an Alert heard before, of which the responder knew. A
// silence bears the time of the newest signal heard. So every cycle begins with the newest Alert of its alert key, and
// what an Incident keeps is enough to judge by, without those before it.
//
// Clocks differ: Sentry's, the operator's, the responders'. A webhook's time is Sentry's, but no later than its arrival and what is
// recorded already: where Sentry's clock is ahead, the order of arrival counts. Fold moves what one of them put outside its cycle to the
// cycle's beginning or end, so that times never go back; and what was acknowledged ahead of the Alert that reopens, but
// arrived before it, is withdrawn by it. An acknowledgement by hand belongs to its cycle also once that is resolved.
//
// What Sentry's API shows, and no webhook told (by Resync), is judged likewise, with three differences. It counts only if all that
// arrived did so ten seconds before the moment that the answer speaks of, for a webhook that is younger may be under way. What people or
// silence resolved it opens only if the issue became unresolved, or worse, after that. And the cycle that it opens may be quiet, because
// it is old news: that is decided once, stands on the opening signal, and holds until Sentry tells of something new.
//
// The named scenarios, which tests cite:
//
//   - one cycle: created, resolved
//   - recurrence: created, resolved, unresolved gives Incidents 1 and 2
//   - quick recurrence: the same within reopenWindow gives one Incident with two cycles
//   - late resolve: created at 1, unresolved at 3, then a resolved of 2 leaves it open
//   - late alert: created at 1, resolved at 3, then an assigned of 2 leaves it resolved
//   - orphan: a resolved of 2 before any Alert, then a created of 1, opens nothing
//   - echo: an Alert whose payload says resolved opens and reopens nothing
//   - by hand: a responder resolves while the issue goes on; the next Alert to arrive opens the next Incident, unless it
//     is older than one heard before
//   - withdrawn: archived, meaning Acknowledge, until the next unresolved
//   - quiet: what was there before the operator looked is open and pages nobody, until it is created, unresolved or an alert
//     rule fires
//   - missed resolve: what a person has acknowledged regresses, which only a resolved issue does
package lifecycle
