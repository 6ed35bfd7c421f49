// Package controllers holds the loops that conclude: they read what the intake and responders wrote into spec and
// write status, Secrets and Events.
//
//   - AlertSourceReconciler makes and heals a source's webhook Secret and says in conditions whether it listens.
//   - IncidentReconciler writes what lifecycle.Fold concludes, and hands a silence that is over to the inbox.
//   - RetentionReconciler deletes Incidents that have outlived their use.
//
// They run in terms of office: Campaign campaigns for the lease inside the process and builds the controllers anew for
// each term, on the caches and the client of the manager around it, so that neither the process nor the intake ends
// with a term.
//
// Nothing here asks for the time: a clock is handed in.
package controllers
