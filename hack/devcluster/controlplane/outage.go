package controlplane

import "context"

// Hang stops the API server in its tracks: its connections stay, and nothing answers on them until Resume.
func (c *ControlPlane) Hang() error {
	c.lock.Lock()
	defer c.lock.Unlock()
	return c.apiServer.Hang()
}

// Resume lets the API server go on after Hang.
func (c *ControlPlane) Resume() error {
	c.lock.Lock()
	defer c.lock.Unlock()
	return c.apiServer.Resume()
}

// KillAPIServer ends the API server without notice: its connections break, and new ones are refused until
// StartAPIServer.
func (c *ControlPlane) KillAPIServer() error {
	c.lock.Lock()
	defer c.lock.Unlock()
	return c.apiServer.Stop(0)
}

// StartAPIServer starts the API server again after KillAPIServer, with the same address, keys and data, and returns when
// it is ready.
func (c *ControlPlane) StartAPIServer(ctx context.Context) error {
	c.lock.Lock()
	defer c.lock.Unlock()
	return c.startAPIServer(ctx)
}
