using System.CommandLine;
using System.Reflection;
using System.Text.Json.Nodes;
using OrleansStream.Cli;
using OrleansStream.Cli.Calls;
using OrleansStream.Cli.Terminal;
using OrleansStream.Tests.Security;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.CommandLine;

/// <summary>
/// Every verb with a bad value, for a thing that is not there, with a key that is not accepted, and for a service that is away: the exit code is that
/// of the table, standard error says what to do, and nothing of the program's inside.
/// </summary>
public sealed class ExitCodeTests(SecureApi api) : IClassFixture<SecureApi>, IDisposable
{
    private const int AtOnce = 3;

    private static readonly RootCommand Root = Verbs.Make(Screen.Open(), TimeProvider.System);

    // Each verb that calls the service, on things that are not there.
    private static readonly string[] Calls =
    [
        "topics list", "topics create new-topic", "topics describe missing", "topics alter missing -p 2", "topics delete missing --yes",
        "produce missing --value x", "consume missing", "tail missing", "groups list", "groups describe missing", "groups lag missing",
        "groups alter new-group --max-attempts 3", "groups reset missing --to-latest", "groups remove-member missing one", "groups delete missing --yes",
        "dead-letters list missing", "dead-letters redrive missing", "keys create new-key", "keys list", "keys revoke missing --yes",
        "rights give key:new topic missing --allow read", "rights list", "rights take key:missing topic missing --yes", "perf produce missing",
        "perf consume missing", "sample world-cup --topic new-matches --speed 10000",
    ];

    private static readonly string[] WithoutAService =
        ["serve", "verify", "completion", "profile list", "profile set", "profile use", "profile show", "profile remove"];

    private readonly CommandLineRig _rig = new(api.Address);

    public static TheoryData<string> Numbers => [.. Leaves(Root).SelectMany(verb => verb.Options.Concat(Root.Options)
        .Where(option => option.ValueType != typeof(string) && option.ValueType != typeof(string[]) && option.Arity.MinimumNumberOfValues > 0)
        .Select(option => $"{Path(verb)} {option.Name} ")).Distinct()];

    public void Dispose() => _rig.Dispose();

    [Fact]
    public void Calls_AreOfEveryVerb()
    {
        var called = Calls.Concat(WithoutAService);
        Assert.Equal(
            Leaves(Root).Select(Path).Order(StringComparer.Ordinal),
            Leaves(Root).Select(Path).Where(verb => called.Any(call => call == verb || call.StartsWith(verb + " ", StringComparison.Ordinal))).Order(StringComparer.Ordinal));
    }

    [Fact]
    public Task AService_ThatIsAway_IsFive()
    {
        _rig.Environment["ORLEANSSTREAM_SERVER"] = $"http://127.0.0.1:{FreePort.Find()}";
        return EachAsync(Calls, async call =>
        {
            var failed = await RunAsync(call, 5);
            Assert.Contains("does not answer", failed.Errors, StringComparison.Ordinal);
            Assert.Contains("orleansstream serve", failed.Errors, StringComparison.Ordinal);
        });
    }

    [Fact]
    public Task AKey_ThatIsNotAccepted_IsFour_AndTheErrorIsAnObject()
    {
        _rig.Environment["ORLEANSSTREAM_KEY"] = "os_wrong_0000000000000000000000000000000000000000000";
        return EachAsync(Calls, async call =>
        {
            var failed = await RunAsync($"{call} --json", 4);
            var error = JsonNode.Parse(Assert.Single(failed.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries)))!["error"]!;
            Assert.Equal(4, (int)error["exit_code"]!);
            Assert.Contains("not accepted", (string?)error["advice"], StringComparison.Ordinal);
            Assert.NotEmpty((string)error["code"]!);
        });
    }

    [Fact]
    public async Task AThing_ThatIsNotThere_IsThree()
    {
        _rig.Environment["ORLEANSSTREAM_KEY"] = api.Bootstrap;
        string[] calls =
        [
            .. Calls.Where(call => call.Contains("missing", StringComparison.Ordinal) && !call.StartsWith("rights give", StringComparison.Ordinal)),
            "consume missing --group g", "topics list --profile missing", "topics list --key-file missing", "profile use missing", "profile show missing",
            "profile remove missing", "produce there --file missing", "produce there --value x -p 7", "consume there -p 7",
        ];
        (await _rig.RunAsync("topics", "create", "there")).Expect(0);

        await EachAsync(calls, async call => Assert.Contains(
            call.Contains("-p 7", StringComparison.Ordinal) ? "partition 7" : call.StartsWith("rights", StringComparison.Ordinal) ? "no such right" : "missing",
            (await RunAsync(call, 3)).Errors, StringComparison.Ordinal));
    }

    [Fact]
    public async Task AValue_ThatIsNotAllowed_IsTwo_WhoeverRefusesIt()
    {
        _rig.Environment["ORLEANSSTREAM_KEY"] = api.Bootstrap;
        (string Call, string Message)[] calls =
        [
            ("topics create new-topic --partitions many", "--partitions"), ("topics create new-topic --partitions 0", "partitions"),
            ("topics create new/topic", "name"), ("topics create new-topic --config no.such=1", "no.such"), ("topics create new-topic --config x", "--config"),
            ("produce there --compression rar", "--compression must be one of none, gzip, snappy, lz4, zstd, and not 'rar'"),
            ("produce there --linger 99999999", "--linger must be from 0 to 60000"), ("perf produce there --linger -1", "--linger must be from 0"),
            ("produce there --delivery-timeout soon", "--delivery-timeout must be a number with a unit"), ("produce there --delivery-timeout 99h", "at most 24h"),
            ("produce there --acks 7", "--acks"), ("consume there --partition one", "--partition"), ("consume there --to middle", "--to"),
            ("tail there --last x", "--last"), ("groups alter g", "--max-attempts"), ("groups alter g --jitter 7", "jitter"), ("groups alter g --backoff 7", "--backoff"),
            ("groups alter g --retry never", "--retry must be one of topic, in_place"), ("groups alter a.b --max-attempts 3", "'.'"),
            ("dead-letters list g --count 0", "--count"), ("keys create KEY", "id"), ("keys create k --role Boss", "--role must be one of"),
            ("rights give key:a topic x --allow fly", "fly"), ("rights give key:a planet x --allow read", "The resource must be one of topic, group, cluster"),
            ("sample world-cup --speed 0", "--speed"), ("completion csh", "The shell must be one of bash, zsh, fish, pwsh, and not 'csh'"), ("topics list --server ftp://x", "ftp://x"),
            ("topics list --server a:9092,b:9092", "one is enough"),
        ];

        await EachAsync(calls, async one =>
        {
            var failed = await RunAsync($"{one.Call} --json", 2);
            Assert.Contains(one.Message, (string?)JsonNode.Parse(failed.Errors)!["error"]!["message"], StringComparison.Ordinal);
        });
    }

    /// <summary>Whatever type an option has, its name is none that people know.</summary>
    [Theory]
    [MemberData(nameof(Numbers))]
    public void ANumber_ThatIsNone_IsRefusedInPlainWords(string line)
    {
        var errors = Root.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries).Append("no-value").ToArray()).Errors.Select(CommandLineErrors.Plain).ToArray();

        Assert.Contains(errors, error => error.Contains(" is expected.", StringComparison.Ordinal) || error.Contains(" must be one of ", StringComparison.Ordinal));
        Assert.All(errors, AssertPlain);
    }

    [Fact]
    public async Task TheTable_IsInHelpAndInTheReadme()
    {
        var codes = typeof(ExitCode).GetFields(BindingFlags.Public | BindingFlags.Static)
            .Where(field => field.FieldType == typeof(int)).Select(field => (int)field.GetRawConstantValue()!).ToArray();
        Assert.True(codes.Length >= 10, "The codes were not found.");
        var help = (await _rig.RunAsync("--help")).Expect(0).Text;
        var readme = await File.ReadAllTextAsync(Repository.PathOf("Api", "Cli", "README.md"), TestContext.Current.CancellationToken);

        Assert.Contains(ExitCode.Table, help, StringComparison.Ordinal);
        Assert.All(codes, code => Assert.Matches($@"[\n ]{code} ", ExitCode.Table));
        Assert.All(codes, code => Assert.Matches($@"\n\| ({code}|130, {code}|{code}, 143) \|", readme));
        Assert.Contains("exit codes", (await _rig.RunAsync("topics", "--help")).Expect(0).Text, StringComparison.Ordinal);
    }

    private static IEnumerable<Command> Leaves(Command command) =>
        command.Subcommands.Count == 0 ? [command] : command.Subcommands.SelectMany(Leaves);

    private static string Path(Command verb) => Verbs.PathOf(verb)[(Verbs.Name.Length + 1)..];

    private static Task EachAsync<T>(IEnumerable<T> calls, Func<T, Task> run) => Parallel.ForEachAsync(
        calls, new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = TestContext.Current.CancellationToken },
        async (call, _) => await run(call));

    private static void AssertPlain(string text) =>
        Assert.DoesNotMatch(@"   at |System\.|OrleansStream\.|Exception|Linger|Compression\.|options must", text);

    private async Task<CommandLineResult> RunAsync(string call, int code)
    {
        var failed = await _rig.RunAsync(call.Split(' '));
        Assert.True(failed.ExitCode == code, $"'{call}' ended with {failed.ExitCode} instead of {code}: {failed.Errors}{failed.Text}");
        Assert.Empty(failed.Output);
        Assert.NotEmpty(failed.Errors);
        AssertPlain(failed.Errors);
        return failed;
    }
}
