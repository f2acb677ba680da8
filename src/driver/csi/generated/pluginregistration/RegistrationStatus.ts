// Original file: proto/pluginregistration.proto


export interface RegistrationStatus {
  'plugin_registered'?: (boolean);
  /**
   * Why not, empty when registered.
   */
  'error'?: (string);
}

export interface RegistrationStatus__Output {
  'plugin_registered': (boolean);
  /**
   * Why not, empty when registered.
   */
  'error': (string);
}
