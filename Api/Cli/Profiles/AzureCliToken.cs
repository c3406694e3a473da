using Azure.Core;
using Azure.Identity;

namespace OrleansStream.Cli.Profiles;

/// <summary>Takes tokens from the Azure CLI, in which a person has signed in. Nothing of it is loaded before the first token.</summary>
internal sealed class AzureCliToken : TokenCredential
{
    private readonly Lazy<AzureCliCredential> _cli = new(() => new AzureCliCredential());

    /// <inheritdoc/>
    public override AccessToken GetToken(TokenRequestContext requestContext, CancellationToken cancellationToken) =>
        _cli.Value.GetToken(requestContext, cancellationToken);

    /// <inheritdoc/>
    public override ValueTask<AccessToken> GetTokenAsync(TokenRequestContext requestContext, CancellationToken cancellationToken) =>
        _cli.Value.GetTokenAsync(requestContext, cancellationToken);
}
