using System.CommandLine;
using OrleansStream.Cli.Connections;
using OrleansStream.Cli.Profiles;
using OrleansStream.Cli.Terminal;
using OrleansStream.Client;
using OrleansStream.Client.Administration;

namespace OrleansStream.Cli.Calls;

/// <summary>One run of a verb: what was asked for, the service, and where results go.</summary>
internal sealed class Call : IAsyncDisposable
{
    private readonly ParseResult _parsed;
    private readonly AccessChoice _choice;
    private ServiceAccess? _access;
    private OrleansStreamClient? _client;

    /// <summary>Begins a run. It connects to no service before <see cref="Client"/> is asked for.</summary>
    /// <param name="parsed">The command line, which the parser found no fault with.</param>
    /// <param name="options">The options of every verb.</param>
    /// <param name="screen">Standard output and error of the process.</param>
    /// <param name="time">The clock that its waits, rates and positions in time go by; tests set it.</param>
    /// <param name="stop">Cancelled when the run is to end.</param>
    public Call(ParseResult parsed, GlobalOptions options, Screen screen, TimeProvider time, CancellationToken stop)
    {
        _parsed = parsed;
        _choice = options.ChoiceOf(parsed);
        Screen = screen;
        Time = time;
        Stop = stop;
        AsJson = screen.IsJson;
        Watch = new ServiceWatch(time, stop);
    }

    /// <summary>Standard output for results, and standard error for all else.</summary>
    public Screen Screen { get; }

    /// <summary>The clock that waits are timed by.</summary>
    public TimeProvider Time { get; }

    /// <summary>Cancelled when the run is to end.</summary>
    public CancellationToken Stop { get; }

    /// <summary>True when results are JSON.</summary>
    public bool AsJson { get; }

    /// <summary>The address of the service that is called, for people: without a slash at its end.</summary>
    public string ServerName => _access?.Server.AbsoluteUri.TrimEnd('/') ?? _choice.Server ?? ServiceAccess.DefaultServer;

    /// <summary>True when something is sent to sign in with.</summary>
    public bool HasCredentials => _access?.HasCredentials ?? false;

    /// <summary>Notices when the service does not answer.</summary>
    public ServiceWatch Watch { get; }

    /// <summary>The client of the service.</summary>
    /// <exception cref="ArgumentException">It is not clear which service, or who calls.</exception>
    public OrleansStreamClient Client => _client ??= Connect();

    /// <summary>Manages topics, groups and keys.</summary>
    public StreamAdmin Admin => Client.Admin;

    /// <summary>The value of an argument.</summary>
    public T? Get<T>(Argument<T> argument) => _parsed.GetValue(argument);

    /// <summary>The value of an option.</summary>
    public T? Get<T>(Option<T> option) => _parsed.GetValue(option);

    /// <summary>Whether an option was given.</summary>
    public bool Has(Option option) => _parsed.GetResult(option) is { Implicit: false };

    /// <summary>Asks before something is gone for good.</summary>
    /// <param name="yes">True when the command line says yes already.</param>
    /// <param name="what">What will happen, such as <c>deletes the topic with all its records</c>.</param>
    /// <param name="name">What is to be typed.</param>
    /// <exception cref="CallException">The answer is no, or nobody can be asked.</exception>
    /// <exception cref="OperationCanceledException">Ctrl-C was the answer.</exception>
    public async Task ConfirmAsync(bool yes, string what, string name)
    {
        if (yes)
            return;
        switch (await Confirmation.AskAsync(Screen, what, name, Stop))
        {
            case null:
                throw CallException.Usage($"This {what}, and there is no terminal to ask at. Add --yes to go on without a question.");
            case false:
                throw new CallException(ExitCode.Failure, "Nothing was done: the name was not typed.");
        }
    }

    /// <summary>Tells that something was done which has no answer.</summary>
    /// <param name="what">What was done, such as <c>deleted</c>, for scripts.</param>
    /// <param name="name">The name of what it was done to.</param>
    /// <param name="sentence">The same for people.</param>
    public void Tell(string what, string name, string sentence)
    {
        if (AsJson)
            JsonLines.Write(Screen, json => json.WriteString(what, name));
        else
            Screen.Tell(sentence);
    }

    /// <summary>From now on tells once when the service does not answer, and once when it does again.</summary>
    /// <param name="what">What the run does meanwhile: a sentence.</param>
    public void TellAbsence(string what) => Watch.Changed = reason => Screen.Tell(
        reason is null ? $"{ServerName} answers again." : $"{ServerName} does not answer ({reason}). {what}");

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_client is not null)
            await _client.DisposeAsync();
        Watch.Dispose();
    }

    private OrleansStreamClient Connect()
    {
        _access = ServiceAccess.Find(_choice, Environment.GetEnvironmentVariable);
        if (_access.IsExposed)
            Screen.Tell($"Warning: the key goes to {ServerName} without encryption. Use https where the network is not yours alone.");
        if (_access.MappedFrom is { } kafka)
            Screen.Tell($"{kafka} is where Kafka clients are served. The command line calls {ServerName}; --server names another address.");
        return _access.Connect(Watch);
    }
}
