package manifests

func (c *composer) networkMode() string { return orDefault(c.m.Network.Mode, "off") }

func (c *composer) network() {}
