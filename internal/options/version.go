package options

import "runtime/debug"

// Version is the version that the binary was built from.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "itoc360-operator, version unknown"
	}
	revision := ""
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" {
			revision = " (" + setting.Value + ")"
		}
	}
	return "itoc360-operator " + info.Main.Version + revision + ", " + info.GoVersion
}
