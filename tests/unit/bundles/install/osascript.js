// Plays macOS's `osascript -l JavaScript -e PROGRAM arguments` under node: what our program uses of Foundation, no more.
"use strict";

const fs = require("fs");

const [program, ...words] = process.argv.slice(5);

function decode(data) {
    try {
        return new TextDecoder("utf-8", {fatal: true, ignoreBOM: true}).decode(data);
    } catch (error) {
        return undefined;
    }
}

const handle = (number) => ({writeData: (data) => fs.writeSync(number, data)});

const $ = (string) => ({dataUsingEncoding: () => Buffer.from(string, "utf-8")});
$.NSString = {alloc: {initWithDataEncoding: decode}};
$.NSData = {dataWithContentsOfFile: (name) => fs.readFileSync(name)};
$.NSFileHandle = {
    fileHandleWithStandardOutput: handle(1),
    fileHandleWithStandardError: handle(2),
    fileHandleWithStandardInput: {
        get readDataToEndOfFile() {
            return fs.readFileSync(0);
        },
    },
};
$.exit = process.exit;

new Function("ObjC", "$", program + "\nreturn run;")({import: () => {}, unwrap: (value) => value}, $)(words);
