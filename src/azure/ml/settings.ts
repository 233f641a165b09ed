/** Which workspace: `azure` in edgeloop.yaml. */
export interface MlSettings {
  /** A UUID. */
  subscription: string;
  resourceGroup: string;
  workspace: string;
}
