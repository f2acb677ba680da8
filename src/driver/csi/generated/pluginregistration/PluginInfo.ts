// Original file: proto/pluginregistration.proto


export interface PluginInfo {
  /**
   * "CSIPlugin" for a CSI driver.
   */
  'type'?: (string);
  /**
   * The CSI driver's name, the same that GetPluginInfo answers.
   */
  'name'?: (string);
  /**
   * The path of the socket with the CSI services, as the kubelet sees it (no unix:// before it).
   */
  'endpoint'?: (string);
  /**
   * Versions of CSI in semver form, of which the kubelet takes the highest that it knows: "1.0.0".
   */
  'supported_versions'?: (string)[];
}

export interface PluginInfo__Output {
  /**
   * "CSIPlugin" for a CSI driver.
   */
  'type': (string);
  /**
   * The CSI driver's name, the same that GetPluginInfo answers.
   */
  'name': (string);
  /**
   * The path of the socket with the CSI services, as the kubelet sees it (no unix:// before it).
   */
  'endpoint': (string);
  /**
   * Versions of CSI in semver form, of which the kubelet takes the highest that it knows: "1.0.0".
   */
  'supported_versions': (string)[];
}
