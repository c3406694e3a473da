using System.Net;
using Microsoft.Extensions.Options;

namespace OrleansStream.Gateway.Security;

/// <summary>Without a way to sign in, a door may listen on loopback only, unless <see cref="SecurityOptions.AllowAnonymous"/> is set.</summary>
public static class LoopbackRule
{
    private const string Section = SecurityOptions.SectionName;

    /// <summary>Checks an address that a door is about to listen on.</summary>
    /// <param name="security">How callers sign in.</param>
    /// <param name="address">The address; null for a Unix domain socket, which is protected by the rights of its file.</param>
    /// <exception cref="OptionsValidationException">The address is not loopback, and callers would not have to sign in.</exception>
    public static void Check(SecurityOptions security, IPEndPoint? address)
    {
        ArgumentNullException.ThrowIfNull(security);
        if (security.RequiresSignIn || security.AllowAnonymous || address is null || IPAddress.IsLoopback(address.Address))
            return;
        throw new OptionsValidationException(
            Section, typeof(SecurityOptions),
            [
                $"Others could reach {address}, and nobody would have to sign in. Either have callers sign in by API keys ({Section}:ApiKeys=true; `keys create` makes the first key), "
                + $"or by OpenID Connect ({Section}:OpenIdConnect:Authority and :Audience), or let everybody do everything ({Section}:AllowAnonymous=true); or listen on localhost.",
            ]);
    }
}
