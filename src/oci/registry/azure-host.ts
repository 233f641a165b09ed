/**
 * True for a registry of Azure: of the public cloud, of China and of US Government (Azure CLI, `acr_login_server_endpoint`
 * of its clouds).
 */
export function isAzureRegistry(host: string): boolean {
  return /^[a-z0-9.-]+\.azurecr\.(io|cn|us)$/.test(host);
}
