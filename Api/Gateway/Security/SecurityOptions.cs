using Microsoft.Extensions.Options;
using OrleansStream.Security;

namespace OrleansStream.Gateway.Security;

/// <summary>
/// How callers sign in: section <c>OrleansStream:Security</c>. Without any of these settings callers do not sign in, and the service listens on
/// loopback only.
/// </summary>
public sealed class SecurityOptions
{
    /// <summary>The configuration section's name.</summary>
    public const string SectionName = "OrleansStream:Security";

    /// <summary>True to accept the stored API keys. Default false; <see cref="BootstrapKey"/> implies it.</summary>
    public bool ApiKeys { get; set; }

    /// <summary>
    /// A key with the role Admin, <c>os_bootstrap_{64 hexadecimal digits}</c>, that exists only in this setting. It is a secret. Default none.
    /// </summary>
    public string? BootstrapKey { get; set; }

    /// <summary>
    /// Principals with the role Admin, whatever rights are stored: <c>user:{id}</c>, <c>group:{id}</c> or <c>certificate:{name}</c>. They can grant
    /// the first rights without a key. Default none.
    /// </summary>
    public string[] Admins { get; set; } = [];

    /// <summary>True to let everybody do everything, from any network. Default false.</summary>
    public bool AllowAnonymous { get; set; }

    /// <summary>Sign-in by tokens of OpenID Connect, such as Entra ID's.</summary>
    public OpenIdConnectOptions OpenIdConnect { get; set; } = new();

    /// <summary>Sign-in by client certificates.</summary>
    public ClientCertificateOptions ClientCertificates { get; set; } = new();

    /// <summary>The origins whose pages may call the service from a browser, such as <c>https://example.org</c>. Default none.</summary>
    public string[] AllowedOrigins { get; set; } = [];

    /// <summary>
    /// True when a way to sign in is set. A caller that has not signed in then has only the rights that are granted to <c>anonymous</c>.
    /// </summary>
    public bool RequiresSignIn => TakesKeys || OpenIdConnect.IsSet || ClientCertificates.IsSet;

    /// <summary>True when API keys are accepted.</summary>
    public bool TakesKeys => ApiKeys || !string.IsNullOrEmpty(BootstrapKey);
}

/// <summary>Sign-in by tokens of OpenID Connect.</summary>
public sealed class OpenIdConnectOptions
{
    /// <summary>
    /// The issuer's address, from which its keys are read; for Entra ID <c>https://login.microsoftonline.com/{tenant}/v2.0</c>. Default none.
    /// </summary>
    public string? Authority { get; set; }

    /// <summary>The audience that a token must have; for Entra ID the application's id, or <c>api://{id}</c>.</summary>
    public string? Audience { get; set; }

    /// <summary>The claim with the principal's name. Default: <c>oid</c> if the token has it, else <c>sub</c>.</summary>
    public string? NameClaim { get; set; }

    /// <summary>The application with which Swagger UI signs people in; null for none.</summary>
    public string? SwaggerClientId { get; set; }

    /// <summary>The application with which the web console signs people in; null for none.</summary>
    public string? ConsoleClientId { get; set; }

    /// <summary>True when sign-in by tokens is set.</summary>
    public bool IsSet => !string.IsNullOrEmpty(Authority);
}

/// <summary>Sign-in by client certificates.</summary>
public sealed class ClientCertificateOptions
{
    /// <summary>A PEM file with the certificates of the authorities whose client certificates are accepted. Default none.</summary>
    public string? AuthoritiesFile { get; set; }

    /// <summary>True when sign-in by certificates is set.</summary>
    public bool IsSet => !string.IsNullOrEmpty(AuthoritiesFile);
}

/// <summary>Checks the settings at start. No message shows a secret.</summary>
public sealed class SecurityOptionsValidator : IValidateOptions<SecurityOptions>
{
    // Not key: an administrator of keys could create a key with that name.
    private static readonly string[] AdminKinds = ["user:", "group:", "certificate:"];

    /// <inheritdoc/>
    public ValidateOptionsResult Validate(string? name, SecurityOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        string[] failures = [.. FailuresOf(options)];
        return failures.Length == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(failures);
    }

    private static IEnumerable<string> FailuresOf(SecurityOptions options)
    {
        const string section = SecurityOptions.SectionName;
        if (!string.IsNullOrEmpty(options.BootstrapKey) && Security.BootstrapKey.Read(options.BootstrapKey) is null)
        {
            yield return $"{section}:BootstrapKey is malformed; it must be {ApiKeySecret.Prefix}{Security.BootstrapKey.Id}_ and "
                + $"{ApiKeySecret.SecretLength} hexadecimal digits, such as `openssl rand -hex 32` makes them.";
        }

        if (options is { AllowAnonymous: true, RequiresSignIn: true })
        {
            yield return $"{section}:AllowAnonymous lets everybody do everything, and another setting of {section} has callers sign in; "
                + "leave one of them out. Rights can be given to 'anonymous'.";
        }

        foreach (var failure in FailuresOf(options.OpenIdConnect).Concat(FailuresOf(options.Admins, options.RequiresSignIn)))
            yield return failure;
        foreach (var origin in options.AllowedOrigins)
        {
            if (!Uri.TryCreate(origin, UriKind.Absolute, out var uri) || uri.GetLeftPart(UriPartial.Authority) != origin)
                yield return $"{section}:AllowedOrigins has '{origin}'; an origin is a scheme, a host and where it is unusual a port: https://example.org.";
        }
    }

    private static IEnumerable<string> FailuresOf(string[] admins, bool requiresSignIn)
    {
        const string key = $"{SecurityOptions.SectionName}:Admins";
        foreach (var admin in admins)
        {
            if (!AdminKinds.Any(kind => admin.StartsWith(kind, StringComparison.Ordinal) && admin.Length > kind.Length))
                yield return $"{key} has '{admin}'; an administrator is user:, group: or certificate: and an id or a name.";
        }

        if (admins.Length > 0 && !requiresSignIn)
            yield return $"{key} is set, and nobody signs in; set {SecurityOptions.SectionName}:OpenIdConnect or ClientCertificates, too.";
    }

    private static IEnumerable<string> FailuresOf(OpenIdConnectOptions options)
    {
        const string section = $"{SecurityOptions.SectionName}:OpenIdConnect";
        var isUri = Uri.TryCreate(options.Authority, UriKind.Absolute, out var authority);
        if (options.IsSet && !(isUri && (authority!.Scheme == Uri.UriSchemeHttps || authority.IsLoopback)))
            yield return $"{section}:Authority is '{options.Authority}'; it must be the issuer's address, https://….";
        if (options.IsSet && string.IsNullOrEmpty(options.Audience))
            yield return $"{section}:Audience is empty; it must say whom tokens are for, else a token for any other service would be taken.";
        if (!options.IsSet && !string.IsNullOrEmpty(options.Audience))
            yield return $"{section}:Authority is empty, and {section}:Audience is set; both must be.";
    }
}
