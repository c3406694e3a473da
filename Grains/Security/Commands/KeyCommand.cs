using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;
using OrleansStream.Hosting;

namespace OrleansStream.Security.Commands;

/// <summary>
/// The command <c>keys create</c>, which creates a key directly in the storage. The owner of the storage creates a service's first key with it.
/// </summary>
/// <remarks>A data folder must not be in use by a process. A storage account may be; the cluster's nodes accept the key within seconds.</remarks>
public static class KeyCommand
{
    /// <summary>The command's name, the first argument of the process.</summary>
    public const string Verb = "keys";

    /// <summary>The exit code when the key was created.</summary>
    public const int Made = 0;

    /// <summary>The exit code when the key was not created.</summary>
    public const int NotMade = 1;

    private const string Usage = "keys create {id} [--name {name}] [--role {role}] [--if-missing true]";

    /// <summary>
    /// Creates a key in the storage of the service's settings, which come from the same files, environment and arguments as the service's.
    /// </summary>
    /// <param name="args">The process's arguments after the command's name.</param>
    /// <param name="output">Gets the key, and nothing else.</param>
    /// <param name="errors">Gets advice, and the reason for a failure.</param>
    /// <returns>The process's exit code.</returns>
    public static async Task<int> RunAsync(string[] args, TextWriter output, TextWriter errors)
    {
        ArgumentNullException.ThrowIfNull(args);
        ArgumentNullException.ThrowIfNull(output);
        ArgumentNullException.ThrowIfNull(errors);
        try
        {
            if (args is not ["create", var id, .. var rest])
                return await FailAsync(errors, $"Usage: {Usage}. Roles: {string.Join(", ", AccessRoles.AllNames)}; without one the key is Admin.");
            var asked = new ConfigurationBuilder().AddCommandLine(rest).Build();
            var name = asked["name"] ?? id;
            var roleName = asked["role"] ?? AccessRole.Admin.NameOf();
            if ((AccessNames.ValidateKeyId(id) ?? AccessNames.ValidateKeyName(name)) is { } invalid)
                return await FailAsync(errors, invalid.Detail);
            if (AccessRoles.Find(roleName) is not { } role)
                return await FailAsync(errors, $"There is no role '{roleName}'. Roles: {string.Join(", ", AccessRoles.AllNames)}.");
            var options = Host.CreateApplicationBuilder(rest).Configuration
                .GetSection(OrleansStreamOptions.SectionName).Get<OrleansStreamOptions>() ?? new OrleansStreamOptions();
            if (new OrleansStreamOptionsValidator().Validate(name: null, options) is { Failed: true } wrong)
                return await FailAsync(errors, wrong.FailureMessage);
            return await MakeAsync(options, new ApiKeySecret(id, ApiKeySecret.Create().Secret), name, role,
                bool.TryParse(asked["if-missing"], out var isOptional) && isOptional, output, errors);
        }
        catch (Exception e)
        {
            return await FailAsync(errors, StartFailure.Explain(e) ?? AccessDocuments.Explain(e)?.Error.Detail ?? e.ToString());
        }
    }

    private static async Task<int> MakeAsync(
        OrleansStreamOptions options, ApiKeySecret secret, string name, AccessRole role, bool isOptional, TextWriter output, TextWriter errors)
    {
        using var stores = OpenStores.Open(options.Storage, TimeProvider.System);
        await stores.PrepareAsync(isForSilo: false);
        var key = new ApiKey(secret.Id, name, ApiKeySecret.HashOf(secret.Secret), role, TimeProvider.System.GetUtcNow(), ExpiresAt: null,
            LastUsedAt: null);
        var documents = new AccessDocuments(stores.Documents, options.Silo.ServiceId, TimeProvider.System);
        if (await documents.ChangeAsync(document => AccessChanges.AddKey(document, key)) is { } error)
        {
            if (!isOptional || error.Code != Errors.StreamErrorCode.KeyAlreadyExists)
                return await FailAsync(errors, error.Detail);
            await errors.WriteLineAsync($"There is a key '{secret.Id}' already; it is not shown again.");
            return Made;
        }

        await output.WriteLineAsync(secret.Reveal());
        await errors.WriteLineAsync(
            $"The key '{secret.Id}' has the role {role.NameOf()}. It is shown this once. Start the service with OrleansStream__Security__ApiKeys=true, and send the key as 'Authorization: Bearer os_…'.");
        return Made;
    }

    private static async Task<int> FailAsync(TextWriter errors, string reason)
    {
        await errors.WriteLineAsync(reason);
        return NotMade;
    }
}
