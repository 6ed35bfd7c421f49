// Package controllers holds the loops that conclude: they read what the intake and responders wrote into spec and
// write status, Secrets and Events.
//
//   - alertsource makes and heals a source's webhook Secret, says in conditions whether it listens, and keeps a source that
//     is being deleted until every replica has heard of it.
//   - incident writes what lifecycle.Fold concludes, hands a silence that is over to the inbox, and deletes Incidents that
//     have outlived their use.
//
// They run in terms of office (package term), so that neither the process nor the intake ends with the lease.
//
// Nothing here asks for the time: a clock is handed in.
package controllers
