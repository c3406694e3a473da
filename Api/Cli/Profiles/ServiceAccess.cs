using OrleansStream.Client;

namespace OrleansStream.Cli.Profiles;

/// <summary>What a command line says of the service and of the caller; null for what it leaves open.</summary>
/// <param name="Server">An address, or a host and a port.</param>
/// <param name="Profile">The name of a profile that is stored.</param>
/// <param name="KeyFile">The path of a file with an API key.</param>
/// <param name="AzureCli">What the Azure CLI's token is for.</param>
internal readonly record struct AccessChoice(string? Server, string? Profile, string? KeyFile, string? AzureCli);

/// <summary>The service that is called, and by whom: what the command line says, else the environment, else the current profile.</summary>
internal sealed class ServiceAccess
{
    /// <summary>Where a service listens that nobody configured.</summary>
    public const string DefaultServer = "http://localhost:8080";

    private const string ServerVariable = "ORLEANSSTREAM_SERVER";
    private const string KeyVariable = "ORLEANSSTREAM_KEY";
    private const string KeyFileVariable = "ORLEANSSTREAM_KEY_FILE";

    // Where Kafka's programs look for a service that nobody configured.
    private const int KafkaPort = 9092;

    private ServiceAccess(string server)
    {
        Server = AddressOf(server);
        MappedFrom = IsKafkas(server) ? server : null;
    }

    /// <summary>The address that is called, with its scheme.</summary>
    public Uri Server { get; }

    /// <summary>The API key; null for none.</summary>
    public string? Key { get; private init; }

    /// <summary>What the Azure CLI's token is for; null for no token.</summary>
    public string? Scope { get; private init; }

    /// <summary>An address of Kafka's port, as it was written, in whose place <see cref="Server"/> is called; null for none.</summary>
    public string? MappedFrom { get; }

    /// <summary>True when something is sent to sign in with.</summary>
    public bool HasCredentials => Key is not null || Scope is not null;

    /// <summary>True when a secret goes over a network without encryption.</summary>
    public bool IsExposed => HasCredentials && Server.Scheme == Uri.UriSchemeHttp && !Server.IsLoopback;

    /// <summary>Finds out which service and which caller are meant.</summary>
    /// <param name="choice">What the command line says.</param>
    /// <param name="variable">Gives the value of an environment variable; null for one that is not set.</param>
    /// <exception cref="ArgumentException">An address is none, or the ways to sign in contradict each other.</exception>
    /// <exception cref="NotFoundException">A profile or a file is not there.</exception>
    public static ServiceAccess Find(in AccessChoice choice, Func<string, string?> variable)
    {
        var store = new ProfileStore(variable);
        var named = choice.Profile is null ? null : Get(store, choice.Profile);
        var elsewhere = choice.Server ?? (named is null ? Set(variable, ServerVariable) : null);
        // A secret of the current profile goes to that profile's service only.
        var profile = named ?? (elsewhere is null && store.Current is { } current ? Get(store, current) : null);
        var server = elsewhere ?? profile?.Server ?? DefaultServer;
        if (choice.KeyFile is not null && choice.AzureCli is not null)
            throw new ArgumentException("--key-file and --azure-cli are two ways to sign in; give one of them.");
        if (choice.AzureCli is { } scope)
            return new ServiceAccess(server) { Scope = scope };
        if (choice.KeyFile is { } file)
            return new ServiceAccess(server) { Key = ReadKey(file) };
        if (named is not null)
            return Of(server, named, variable);
        if (Set(variable, KeyVariable) is { } key)
            return new ServiceAccess(server) { Key = key };
        if (Set(variable, KeyFileVariable) is { } keyFile)
            return new ServiceAccess(server) { Key = ReadKey(keyFile) };
        return profile is null ? new ServiceAccess(server) : Of(server, profile, variable);
    }

    /// <summary>Makes a client.</summary>
    /// <param name="handler">Sends its requests; who gives it disposes it.</param>
    public OrleansStreamClient Connect(HttpMessageHandler handler) => new(new OrleansStreamClientOptions
    {
        HttpHandler = handler,
        Endpoints = [Server],
        ApiKey = Key,
        Credential = Scope is null ? null : new AzureCliToken(),
        Scope = Scope,
    });

    /// <summary>An address as people write it: with or without a scheme, and as Kafka's programs are told it.</summary>
    /// <exception cref="ArgumentException">It is no address.</exception>
    public static Uri AddressOf(string text)
    {
        var whole = text.Contains("://", StringComparison.Ordinal) ? text : "http://" + text;
        if (!Uri.TryCreate(whole, UriKind.Absolute, out var address) || address is not { Scheme: "http" or "https", Host.Length: > 0, Query: "", Fragment: "" })
            throw new ArgumentException($"'{text}' is not the address of a service; an address is such as {DefaultServer}{(text.Contains(',', StringComparison.Ordinal) ? ", and one is enough" : "")}.");
        if (address.UserInfo.Length > 0)
            throw new ArgumentException("An address must not have a user or a password: sign in with --key-file, --azure-cli or ORLEANSSTREAM_KEY.");
        // Kafka clients are served at this port, and everybody else at the other one, unless somebody configured it.
        return IsKafkas(text) ? new UriBuilder(address) { Port = new Uri(DefaultServer).Port }.Uri : address;
    }

    // Who writes a scheme means what is served there.
    private static bool IsKafkas(string text) =>
        !text.Contains("://", StringComparison.Ordinal) && Uri.TryCreate("http://" + text, UriKind.Absolute, out var address) && address.Port == KafkaPort;

    private static ServiceAccess Of(string server, Profile profile, Func<string, string?> variable)
    {
        if (profile.AzureCli is { } scope)
            return new ServiceAccess(server) { Scope = scope };
        if (profile.KeyFile is { } file)
            return new ServiceAccess(server) { Key = ReadKey(file) };
        if (profile.KeyVariable is not { } name)
            return new ServiceAccess(server);
        return new ServiceAccess(server)
        {
            Key = Set(variable, name) ?? throw new ArgumentException($"The variable {name}, which the profile names for its key, is not set."),
        };
    }

    private static Profile Get(ProfileStore store, string name) => store.Read().Profiles.TryGetValue(name, out var profile)
        ? profile
        : throw new NotFoundException($"There is no profile '{name}' in {store.Path}. 'orleansstream profile set {name} --server URL' makes one.");

    private static string ReadKey(string path)
    {
        if (!File.Exists(path))
            throw new NotFoundException($"The key file {path} is not there.");
        return File.ReadAllText(path).Trim() is { Length: > 0 } key ? key : throw new ArgumentException($"The key file {path} is empty.");
    }

    private static string? Set(Func<string, string?> variable, string name) => variable(name) is { Length: > 0 } value ? value : null;
}
