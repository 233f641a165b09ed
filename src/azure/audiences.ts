/** For whom a token is, as Entra is asked for it. They are the same in every cloud. */
export const SCOPE = {
  /** Run history and MLflow too: it is what azure-ai-ml 1.35 sends them. */
  resourceManager: 'https://management.azure.com/.default',
  /** Beside a job that starts others as its caller. */
  machineLearning: 'https://ml.azure.com/.default',
  storage: 'https://storage.azure.com/.default',
  registry: 'https://containerregistry.azure.net/.default',
};

/** What Entra takes as the audience of a federated credential (Microsoft, "Workload identity federation"). */
export const EXCHANGE_AUDIENCE = 'api://AzureADTokenExchange';
