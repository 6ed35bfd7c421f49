package simulator

// The persons in what the simulator sends: who works on issues, and who used
// the program that failed.
const (
	personNumber    = 789
	personMail      = "jane.doe@acme.example"
	customerMail    = "customer@mail.example"
	customerName    = "customer-77"
	customerAddress = "203.0.113.7"
)

// PersonalData lists what webhooks tell of persons and what no Incident, log
// or answer may repeat. The names of assignees are not among it.
func PersonalData() []string {
	return []string{personMail, customerMail, customerName, customerAddress}
}
